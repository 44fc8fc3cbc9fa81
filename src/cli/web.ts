// `grapevine web`: the pages, a service of its own beside bot and workers.
import { once } from 'node:events'
import { flushCompileCache } from 'node:module'
import type { Command } from 'commander'
import type { CliDeps } from './deps.ts'
import { type ServiceOptions, service, serviceCommand } from './service.ts'

export const web = (deps: CliDeps): Command =>
  serviceCommand('web')
    .description(
      'Serves the pages until it is stopped (Ctrl-C, SIGTERM): what runs and was found, the farm, tests and incidents, to read without a login; for operators, what they do; for programs /api and /metrics. The status page (/status, also as a feed) works while the database is away, too.\nRun it on the machine of the bot, which has the logs; put a web server with TLS before it, if others are to see it, and say as web.url where that is.',
    )
    .addHelpText('after', '\nExample:\n  $ grapevine web --config grapevine.yaml')
    .action(async (options: ServiceOptions) => {
      const { log, signal } = service(deps, options)
      const config = await deps.config({ repositories: 'later' })
      const { startPages } = await import('../wiring/web.ts')
      const served = await startPages(config, log)
      // The next start finds it even if this one is killed, and needs no compiler of TypeScript.
      flushCompileCache()
      const at = config.web.url ?? `http://${config.web.host}:${served.port}`
      log('info', `the pages are at ${at}/`)
      if (!signal.aborted) await once(signal, 'abort')
      log('info', 'the pages stop')
      await served.close()
    })
