module.exports = {
  run: [
    {
      when: "{{exists('.git')}}",
      method: 'shell.run',
      params: {
        message: 'git pull --ff-only'
      }
    },
    {
      method: 'shell.run',
      params: {
        venv: 'env',
        path: '.',
        message: 'uv pip install --upgrade -r requirements.txt'
      }
    }
  ]
}
