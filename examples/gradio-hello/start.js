module.exports = {
  daemon: true,
  run: [
    {
      method: 'shell.run',
      params: {
        venv: 'env',
        path: '.',
        env: {
          GRADIO_ANALYTICS_ENABLED: 'False',
          GRADIO_SERVER_NAME: '127.0.0.1',
          GRADIO_SERVER_PORT: '{{port}}'
        },
        message: ['python app.py'],
        on: [{ event: '/http:\\/\\/[0-9.:]+/', done: true }]
      }
    },
    {
      method: 'local.set',
      params: {
        url: '{{input.event[0]}}'
      }
    }
  ]
}
