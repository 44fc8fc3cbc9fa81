// `grapevine web`: the pages, a service of its own beside bot and workers.
import { once } from 'node:events'
import type { Command } from 'commander'
import type { CliDeps } from './deps.ts'
import { type ServiceOptions, service, serviceCommand } from './service.ts'

export const web = (deps: CliDeps): Command =>
  serviceCommand('web')
    .description(
      'Serves the status page until it is stopped (Ctrl-C, SIGTERM): /status, /status.atom, /status.json, /healthz. It only reads, needs no login, and also works while the database is away.\nRun it on the machine of the bot; put a web server with TLS before it, if others are to see it.',
    )
    .addHelpText('after', '\nExample:\n  $ grapevine web --config grapevine.yaml')
    .action(async (options: ServiceOptions) => {
      const { log, signal } = service(deps, options)
      const config = await deps.config({ repositories: 'later' })
      const { startPages } = await import('../wiring/web.ts')
      const served = await startPages(config, log)
      const at = config.web.url ?? `http://${config.web.host}:${served.port}`
      log('info', `the status page is at ${at}/status`)
      if (!signal.aborted) await once(signal, 'abort')
      log('info', 'the pages stop')
      await served.close()
    })
