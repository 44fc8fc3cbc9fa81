// The checked file in, the Config out: paths made whole, names given, secrets in their places.
import { hostname } from 'node:os'
import { dirname, resolve } from 'node:path'
import type { Config } from './config.ts'
import type { Secrets } from './find-secrets.ts'
import type { ConfigFile } from './schema.ts'
import { secret } from './secret.ts'
import { toFarm } from './to-farm.ts'
import { toMail } from './to-mail.ts'
import { toProject } from './to-project.ts'
import { toGithub, toTracker, toWeb } from './to-servers.ts'

const toNotices = ({
  every,
  gap,
  announce,
  remind,
  hold,
  bug,
}: ConfigFile['notices']): Config['notices'] => ({
  ...{ hold, bug, everyMs: every, gapMs: gap, announceMs: announce, remindMs: remind },
})

export const toConfig = (
  file: ConfigFile,
  { path, env, secrets }: { path: string; env: NodeJS.ProcessEnv; secrets: Secrets },
): Config => {
  const folder = dirname(path)
  const context = { folder, secrets }
  const data = env.GRAPEVINE_DATA ? resolve(env.GRAPEVINE_DATA) : resolve(folder, file.data)
  const farmData = file.farm.data === undefined ? resolve(data, 'farm') : resolve(folder, file.farm.data)
  const farm = env.GRAPEVINE_FARM_DATA ? resolve(env.GRAPEVINE_FARM_DATA) : farmData
  return {
    file: path,
    data,
    administrator: file.administrator,
    bot: file.bot,
    mail: toMail(file.mail, context),
    operators: file.operators ?? [file.administrator.address],
    redisUrl: env.REDIS_URL ? secret(env.REDIS_URL) : undefined,
    databaseUrl: env.DATABASE_URL ? secret(env.DATABASE_URL) : undefined,
    assemble: {
      quietMs: file.assemble.quiet,
      deadlineMs: file.assemble.deadline,
      partialMs: file.assemble.partial,
    },
    farm: toFarm(file.farm, { ...context, data: farm }),
    notices: toNotices(file.notices),
    watch: {
      oldestMs: file.watch.oldest,
      stuckMs: file.watch.stuck,
      expiresMs: file.watch.expires,
      settleMs: file.watch.settle,
      certificates: file.watch.certificates,
    },
    web: toWeb(file.web, context),
    github: file.github && toGithub(file.github, context),
    traces: file.traces,
    keepLogsMs: file.keepLogs,
    trackers: Object.entries(file.trackers).map(([name, tracker]) =>
      toTracker(name, tracker, { ...context, path: ['trackers', name] }),
    ),
    host: env.GRAPEVINE_HOST || hostname(),
    projects: Object.entries(file.projects).map(([name, project]) => toProject(name, project, context)),
  }
}
