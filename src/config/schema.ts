// The shape of grapevine.yaml; its parts are in schema/. The only place where it is written down: load.ts checks with it, json-schema.ts prints it for editors.
import { z } from 'zod'
import { duration } from './quantity.ts'
import { tracker } from './schema/bugs.ts'
import { farm } from './schema/farm.ts'
import { githubApp } from './schema/github.ts'
import { assemble, mail } from './schema/mail.ts'
import { notices, watch } from './schema/notices.ts'
import { project } from './schema/project.ts'
import { web } from './schema/web.ts'
import { day, named, namePattern, path, person, secretSchema, webAddress, who } from './schema/words.ts'

export { badName } from './schema/words.ts'

export const fileSchema = z
  .strictObject({
    data: path
      .default('./data')
      .describe(
        'Folder of everything that is kept. Relative to this file. Default: ./data. GRAPEVINE_DATA wins.',
      ),
    administrator: person(
      'Who gets all mail until mail.live is true, and word of what goes wrong afterwards.',
    ),
    operators: z
      .array(who)
      .optional()
      .describe(
        'Addresses, or @domain, whose commands by mail count as an operator’s. Default: the administrator.',
      ),
    bot: person('Whose name and address replies carry.'),
    mail,
    assemble: assemble.prefault({}),
    notices: notices.prefault({}),
    watch: watch.prefault({}),
    web: web.prefault({}),
    github: githubApp.optional(),
    traces: webAddress
      .optional()
      .describe(
        'Where OpenTelemetry traces go (OTLP over HTTP), like http://localhost:4318/v1/traces. Default: nowhere.',
      ),
    keepLogs: duration(day, 3650 * day)
      .optional()
      .describe('So long logs, consoles, screenshots and build results of runs are kept. Default: for ever.'),
    trackers: z
      .record(z.string(), tracker)
      .default({})
      .meta({ propertyNames: { pattern: namePattern.source } })
      .describe('Bug trackers, by name. Default: none.'),
    farm,
    projects: named(project, 'there is no project: at least one is needed').describe(
      'The projects, by name.',
    ),
  })
  .describe('Configuration of Grapevine.')

/** The file after the schema: spans in milliseconds, sizes in MiB, defaults filled in; paths and secrets not yet resolved. */
export type ConfigFile = z.output<typeof fileSchema>

export type SecretPlace = z.output<typeof secretSchema>
