module.exports = {
  run: [
    {
      method: 'shell.run',
      params: {
        venv: 'env',
        path: '.',
        message: ['uv pip install -r requirements.txt']
      }
    },
    {
      // Written last, so that an installation that was cut short is not taken for a finished one.
      method: 'fs.write',
      params: {
        path: 'env/installed',
        text: 'yes'
      }
    }
  ]
}
