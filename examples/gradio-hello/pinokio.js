module.exports = {
  version: '4.0',
  title: 'Text tools',
  description: 'Counts, changes and checks text in the browser: words, case, slugs, JSON.',
  icon: 'icon.png',
  menu: async (kernel, info) => {
    const install = { icon: 'fa-solid fa-plug', text: 'Install', href: 'install.js' }
    const start = { icon: 'fa-solid fa-power-off', text: 'Start', href: 'start.js' }
    const update = { icon: 'fa-solid fa-rotate', text: 'Update', href: 'update.js' }
    const reset = { icon: 'fa-regular fa-circle-xmark', text: 'Reset', href: 'reset.js' }
    const running = (script) => info.running(script)

    if (running('install.js')) return [{ ...install, default: true, text: 'Installing' }]
    if (running('update.js')) return [{ ...update, default: true, text: 'Updating' }]
    if (running('reset.js')) return [{ ...reset, default: true, text: 'Resetting' }]
    if (!info.exists('env/installed')) return [{ ...install, default: true }]
    if (!running('start.js')) return [{ ...start, default: true }, update, { ...install, text: 'Reinstall' }, reset]

    const terminal = { icon: 'fa-solid fa-terminal', text: 'Terminal', href: 'start.js' }
    const local = info.local('start.js')
    if (!local || !local.url) return [{ ...terminal, default: true }]
    return [{ default: true, icon: 'fa-solid fa-rocket', text: 'Open', href: local.url }, terminal]
  }
}
