'use strict';

const test = require('./harness');
const assert = require('assert');
const url = require('url');

const { URL, URLSearchParams } = url;
const href = (input, base) => new URL(input, base).href;

function table(call, rows) {
  for (const [args, expected] of rows)
    assert.strictEqual(call(...[].concat(args)), expected, JSON.stringify(args));
}

test('the parts of a URL', () => {
  const parts = new URL('https://user:pa%20ss@Example.com:8080/p/a/t/h?query=string#hash');
  assert.deepStrictEqual(
    [
      parts.protocol,
      parts.username,
      parts.password,
      parts.host,
      parts.hostname,
      parts.port,
      parts.pathname,
      parts.search,
      parts.hash,
      parts.origin,
    ],
    [
      'https:',
      'user',
      'pa%20ss',
      'example.com:8080',
      'example.com',
      '8080',
      '/p/a/t/h',
      '?query=string',
      '#hash',
      'https://example.com:8080',
    ],
  );
  assert.strictEqual(String(parts), parts.href);
  assert.strictEqual(JSON.stringify({ parts }), `{"parts":"${parts.href}"}`);
});

test('schemes, default ports and slashes', () =>
  table(href, [
    ['http://h:80/', 'http://h/'],
    ['HTTPS://H:443', 'https://h/'],
    ['ws://h:80/x', 'ws://h/x'],
    ['http:\\\\h\\a', 'http://h/a'],
    ['http:h/x', 'http://h/x'],
    ['mailto:a@b', 'mailto:a@b'],
    ['data:text/plain,hi there', 'data:text/plain,hi there'],
    ['foo://H:1/a/../b', 'foo://H:1/b'],
    ['javascript:alert(1)', 'javascript:alert(1)'],
    ['  http://h\t/\n ', 'http://h/'],
    ['file:///a/../b', 'file:///b'],
    ['file:c:\\x', 'file:///c:/x'],
    ['file://localhost/x', 'file:///x'],
  ]));

test('hosts', () => {
  table(href, [
    ['http://0x7f.1/', 'http://127.0.0.1/'],
    ['http://2130706433', 'http://127.0.0.1/'],
    ['http://192.168.257', 'http://192.168.1.1/'],
    ['http://[1:0:0:2::3]:8080/', 'http://[1:0:0:2::3]:8080/'],
    ['http://[::FFFF:1.2.3.4]', 'http://[::ffff:102:304]/'],
    ['http://münchen.de/ü?ö#ä', 'http://xn--mnchen-3ya.de/%C3%BC?%C3%B6#%C3%A4'],
    ['http://日本語。jp', 'http://xn--wgv71a119e.jp/'],
    ['http://faß.de', 'http://xn--fa-hia.de/'],
    ['http://ex%41mple.com', 'http://example.com/'],
    ['http://☃.net', 'http://xn--n3h.net/'],
    ['http://u@h', 'http://u@h/'],
    ['http://u:p@q@h', 'http://u:p%40q@h/'],
    ['http://a_b.c-d', 'http://a_b.c-d/'],
  ]);
  for (const wrong of [
    'http://',
    'http://a b',
    'http://1.2.3.256',
    'http://[::1',
    'http://[1::2::3]',
    'http://h:99999',
    'http://h:x',
    'http://%ff',
    'http://xn--',
    'http://a^b',
    'nothing',
    '',
  ]) {
    assert.throws(
      () => new URL(wrong),
      { code: 'ERR_INVALID_URL', message: 'Invalid URL', input: wrong },
      wrong,
    );
  }
});

test('percent-encoding by part', () =>
  table(href, [
    ['http://h/a b<>"`{}|^\\', 'http://h/a%20b%3C%3E%22%60%7B%7D|^/'],
    ['http://h/?a b\'<>"`', 'http://h/?a%20b%27%3C%3E%22`'],
    ['http://h/#a b<>"`', 'http://h/#a%20b%3C%3E%22%60'],
    ['http://a;=@h/', 'http://a%3B%3D@h/'],
    ['http://h/%zz%41', 'http://h/%zz%41'],
    ["foo:?'", "foo:?'"],
    ['http://h/\ud800', 'http://h/%EF%BF%BD'],
  ]));

test('relative references', () => {
  const base = 'http://u@h:81/a/b/c?q#f';
  table(
    (reference) => href(reference, base),
    [
      ['d', 'http://u@h:81/a/b/d'],
      ['./d', 'http://u@h:81/a/b/d'],
      ['../d', 'http://u@h:81/a/d'],
      ['../../../d', 'http://u@h:81/d'],
      ['/d', 'http://u@h:81/d'],
      ['//o/d', 'http://o/d'],
      ['?x', 'http://u@h:81/a/b/c?x'],
      ['#x', 'http://u@h:81/a/b/c?q#x'],
      ['', 'http://u@h:81/a/b/c?q'],
      ['.', 'http://u@h:81/a/b/'],
      ['..', 'http://u@h:81/a/'],
      ['%2e%2E/d', 'http://u@h:81/a/d'],
      ['https://x', 'https://x/'],
      ['http:d', 'http://u@h:81/a/b/d'],
      ['\\d', 'http://u@h:81/d'],
    ],
  );
  assert.strictEqual(href('x', 'file:///C:/a/b'), 'file:///C:/a/x');
  assert.strictEqual(href('/x', 'file:///C:/a/b'), 'file:///C:/x');
  assert.strictEqual(href('#f', 'mailto:a'), 'mailto:a#f');
  assert.throws(() => new URL('x', 'mailto:a'), { code: 'ERR_INVALID_URL', base: 'mailto:a' });
  assert.deepStrictEqual(
    [URL.canParse('x', 'http://h'), URL.canParse('x'), URL.canParse('a:b')],
    [true, false, true],
  );
});

test('setters', () => {
  const rows = [
    ['protocol', 'https', 'https://u:p@h.com:81/a?q#f'],
    ['protocol', 'foo', 'http://u:p@h.com:81/a?q#f'],
    ['username', 'ä@', 'http://%C3%A4%40:p@h.com:81/a?q#f'],
    ['password', '', 'http://u@h.com:81/a?q#f'],
    ['host', 'x:8', 'http://u:p@x:8/a?q#f'],
    ['host', 'x', 'http://u:p@x:81/a?q#f'],
    ['hostname', 'x.y', 'http://u:p@x.y:81/a?q#f'],
    ['hostname', 'a b', 'http://u:p@h.com:81/a?q#f'],
    ['port', '80', 'http://u:p@h.com/a?q#f'],
    ['port', '', 'http://u:p@h.com/a?q#f'],
    ['port', '82x', 'http://u:p@h.com:82/a?q#f'],
    ['port', '70000', 'http://u:p@h.com:81/a?q#f'],
    ['pathname', 'b/../c?d', 'http://u:p@h.com:81/c%3Fd?q#f'],
    ['search', '', 'http://u:p@h.com:81/a#f'],
    ['search', 'x y', 'http://u:p@h.com:81/a?x%20y#f'],
    ['search', '?x#y', 'http://u:p@h.com:81/a?x%23y#f'],
    ['hash', '', 'http://u:p@h.com:81/a?q'],
    ['hash', '#z z', 'http://u:p@h.com:81/a?q#z%20z'],
    ['href', 'foo:bar', 'foo:bar'],
  ];
  for (const [name, value, expected] of rows) {
    const made = new URL('http://u:p@h.com:81/a?q#f');
    made[name] = value;
    assert.strictEqual(made.href, expected, `${name} = ${value}`);
  }
  assert.throws(
    () => {
      new URL('http://h').href = 'x';
    },
    { code: 'ERR_INVALID_URL' },
  );
});

test('searchParams and its URL change together', () => {
  const made = new URL('http://h/?a=1&b=2');
  made.searchParams.append('c', 'x y&');
  assert.strictEqual(made.href, 'http://h/?a=1&b=2&c=x+y%26');
  made.searchParams.delete('a');
  made.searchParams.set('b', 'ü');
  assert.strictEqual(made.search, '?b=%C3%BC&c=x+y%26');
  made.search = '?z=9';
  assert.deepStrictEqual([...made.searchParams], [['z', '9']]);
  made.searchParams.delete('z');
  assert.strictEqual(made.href, 'http://h/');
  assert.strictEqual(made.searchParams, made.searchParams);
});

test('URLSearchParams from text, pairs, objects and copies', () => {
  table(
    (init) => new URLSearchParams(init).toString(),
    [
      ['?a=1&a=2', 'a=1&a=2'],
      ['a+b=%20c', 'a+b=+c'],
      ['%zz=%ff&x', '%25zz=%EF%BF%BD&x='],
      ['&&a', 'a='],
      ['', ''],
      ["~'()!*-._", '%7E%27%28%29%21*-._='],
    ],
  );
  assert.strictEqual(
    new URLSearchParams([
      ['a', 1],
      ['b', null],
    ]).toString(),
    'a=1&b=null',
  );
  assert.strictEqual(new URLSearchParams({ x: [1, 2], y: 'z' }).toString(), 'x=1%2C2&y=z');
  assert.strictEqual(new URLSearchParams(new Map([['m', 'n']])).toString(), 'm=n');
  assert.strictEqual(new URLSearchParams(new URLSearchParams('q=1')).toString(), 'q=1');
  assert.throws(() => new URLSearchParams([['a']]), { code: 'ERR_INVALID_TUPLE' });
});

test('the methods of URLSearchParams', () => {
  const params = new URLSearchParams('b=2&a=1&b=3');
  assert.deepStrictEqual(
    [
      params.get('b'),
      params.get('x'),
      params.getAll('b'),
      params.has('a'),
      params.has('b', '9'),
      params.size,
    ],
    ['2', null, ['2', '3'], true, false, 3],
  );
  params.sort();
  assert.strictEqual(params.toString(), 'a=1&b=2&b=3');
  params.set('b', 'new');
  assert.deepStrictEqual(
    [[...params.keys()], [...params.values()]],
    [
      ['a', 'b'],
      ['1', 'new'],
    ],
  );
  const seen = [];
  params.forEach((value, name, self) => seen.push(`${name}${value}${self === params}`));
  assert.deepStrictEqual(seen, ['a1true', 'bnewtrue']);
  assert.deepStrictEqual(Object.fromEntries(params), { a: '1', b: 'new' });
  assert.throws(() => params.append('x'), { code: 'ERR_MISSING_ARGS' });
});

test('paths of files and URLs', () => {
  table(
    (path) => url.pathToFileURL(path).href,
    [
      ['/a b', 'file:///a%20b'],
      ['/x?y#z%', 'file:///x%3Fy%23z%25'],
      ['/d/', 'file:///d/'],
      ['/é', 'file:///%C3%A9'],
      ['/a/../b', 'file:///b'],
    ],
  );
  table(url.fileURLToPath, [
    ['file:///a%20b', '/a b'],
    ['file:///%C3%A9', '/é'],
    [new URL('file:///x'), '/x'],
  ]);
  assert.throws(() => url.fileURLToPath('http://h'), { code: 'ERR_INVALID_URL_SCHEME' });
  assert.throws(() => url.fileURLToPath('file://h/x'), { code: 'ERR_INVALID_FILE_URL_HOST' });
  assert.throws(() => url.fileURLToPath('file:///a%2Fb'), { code: 'ERR_INVALID_FILE_URL_PATH' });
  table(url.domainToASCII, [
    ['español.com', 'xn--espaol-zwa.com'],
    ['xn--iñvalid.com', ''],
  ]);
  table(url.domainToUnicode, [['xn--espaol-zwa.com', 'español.com']]);
});

test('legacy parse', () => {
  const parts = url.parse('http://u:p@Host.com:8080/p/a?q=s&t=1#h');
  assert.deepStrictEqual(
    { ...parts },
    {
      protocol: 'http:',
      slashes: true,
      auth: 'u:p',
      host: 'host.com:8080',
      port: '8080',
      hostname: 'host.com',
      hash: '#h',
      search: '?q=s&t=1',
      query: 'q=s&t=1',
      pathname: '/p/a',
      path: '/p/a?q=s&t=1',
      href: 'http://u:p@host.com:8080/p/a?q=s&t=1#h',
    },
  );
  assert.deepStrictEqual({ ...url.parse('/a?b=c&b=d', true).query }, { b: ['c', 'd'] });
  assert.strictEqual(url.parse('//h/p', false, true).host, 'h');
  assert.strictEqual(url.parse('//h/p').pathname, '//h/p');
  assert.strictEqual(url.parse('mailto:a@b').auth, 'a');
  assert.strictEqual(url.parse('javascript:x()').pathname, 'x()');
  assert.strictEqual(url.parse('http://h/a b{}').href, 'http://h/a%20b%7B%7D');
});

test('legacy format and resolve', () => {
  table(url.format, [
    [
      { protocol: 'https', hostname: 'h', port: 1, pathname: 'x', query: { a: [1, 2] } },
      'https://h:1/x?a=1&a=2',
    ],
    [{ host: 'h', pathname: '/a?b#c', hash: 'z', search: 'q=1' }, 'h/a%3Fb%23c?q=1#z'],
    ['http://h/a b', 'http://h/a%20b'],
  ]);
  assert.strictEqual(
    url.format(new URL('http://u:p@xn--fa-hia.de/?q#f'), {
      auth: false,
      fragment: false,
      search: false,
      unicode: true,
    }),
    'http://faß.de/',
  );
  table(url.resolve, [
    [['/one/two/three', 'four'], '/one/two/four'],
    [['http://h/one', '/two'], 'http://h/two'],
    [['http://h/a/b', '../c'], 'http://h/c'],
    [['http://h/a', '//o/p'], 'http://o/p'],
    [['http://h/a?x', '?y'], 'http://h/a?y'],
    [['http://h/a', 'https://z/q'], 'https://z/q'],
    [['http://h/a', '#f'], 'http://h/a#f'],
  ]);
});

module.exports = test.done();
