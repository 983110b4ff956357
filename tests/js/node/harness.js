'use strict';

// Collects tests and runs them one after the other when done() is called; prints TAP. The same files run under
// Node and in PinokioCloud's engine. done() gives a promise of the number of failed tests.
const collected = [];

function test(name, run) {
  collected.push({ name, run });
}

function comment(error) {
  const text = error && error.stack ? `${error.name}: ${error.message}\n${error.stack}` : String(error);
  return text
    .split('\n')
    .map((line) => `  # ${line}`)
    .join('\n');
}

test.done = async function done() {
  let failed = 0;
  let number = 0;
  for (const { name, run } of collected.splice(0)) {
    number++;
    try {
      await run();
      console.log(`ok ${number} - ${name}`);
    } catch (error) {
      failed++;
      console.log(`not ok ${number} - ${name}\n${comment(error)}`);
    }
  }
  console.log(`1..${number}`);
  if (failed > 0 && typeof process !== 'undefined') process.exitCode = 1;
  return failed;
};

module.exports = test;
