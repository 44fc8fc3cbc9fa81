// The doctor's look at the projects: can their mail be read, their repositories be fetched, and are their images built?
import { stat } from 'node:fs/promises'
import {
  type Config,
  type ImageConfig,
  type ImapSourceConfig,
  isBuilt,
  type SourceConfig,
} from '../../config/config.ts'
import { onlyWhole, type Recipe } from '../../model/recipe.ts'
import { type Answer, advice, bad, type Check, fine } from './check.ts'

const fetchMs = 30_000

const askRepository = async ({ repository, branch }: Recipe) => {
  const { runGit } = await import('../../adapters/git/run.ts')
  const refs = ['HEAD', `refs/heads/${branch}`, `refs/tags/${branch}`]
  const { code, stdout, stderr } = await runGit(['ls-remote', '--', repository, ...refs], {
    timeoutMs: fetchMs,
  })
  const last = stderr.trim().split('\n')[0] ?? ''
  if (code !== 0)
    return bad(
      `${repository} cannot be fetched: ${last}`,
      `See what git says: git ls-remote ${repository}. It must work without questions, for the user that runs this.`,
    )
  const line = stdout.split('\n').find(one => /\trefs\/(heads|tags)\//.test(one))
  if (line === undefined)
    return bad(
      `${repository} has no branch or tag ${branch}`,
      'Set branch in the configuration to one that it has.',
    )
  return fine(`${repository}, ${branch} is at ${line.slice(0, 12)}`)
}

const askMailbox = async (source: ImapSourceConfig) => {
  const { lookAtMailbox } = await import('../../adapters/imap/find.ts')
  const { mails, idle, encrypted } = await lookAtMailbox(source)
  const count = mails === 1 ? '1 mail' : `${mails} mails`
  const says = `${source.login.user}@${source.host} ${source.mailbox} can be read: ${count}${encrypted ? '' : ', without TLS'}`
  if (idle) return fine(`${says}, and tells of new ones at once (IDLE)`)
  return advice(
    `${says}; the server cannot tell of new ones (no IDLE)`,
    'It works: the mailbox is asked every ten seconds.',
  )
}

const askSource = async (source: SourceConfig, signal: AbortSignal) => {
  if (source.kind === 'imap') return askMailbox(source)
  const there = await stat(source.path).catch((error: NodeJS.ErrnoException) => error)
  if (there instanceof Error && there.code === 'ENOENT')
    return advice(
      `there is nothing at ${source.path}`,
      'Mail is read from there as soon as it is there. If it should be: check the path.',
    )
  const { openSource } = await import('../../wiring/sources.ts')
  for await (const { mails } of openSource(source).read(undefined, signal))
    return fine(`${source.kind} ${source.path} can be read${mails.length === 0 ? ', and is empty' : ''}`)
  return fine(`${source.kind} ${source.path} can be read, and is empty`)
}

const askImage = async (folder: string, image: ImageConfig) => {
  if (image.kind === 'libvirt') {
    const { lookAtDomain } = await import('../../farm/libvirt/look.ts')
    const { says, advice: remedy } = await lookAtDomain(image)
    return remedy === undefined ? fine(says) : advice(says, remedy)
  }
  const { loadImage, remedyOf } = await import('../../farm/image/manifest.ts')
  const { imageSource } = await import('../../farm/image/source.ts')
  const { mismatchOf } = await import('../../farm/bootable.ts')
  const there = await loadImage(folder, image.name, image.kind)
  const made = isBuilt(image) ? 'built' : 'imported'
  const says = `${made} ${new Date(there.builtAt).toISOString().slice(0, 10)}`
  const same = !mismatchOf(there, image) && (!isBuilt(image) || there.source === imageSource(image))
  if (same) return fine(says)
  return advice(`${says}, and configured otherwise since`, remedyOf(image.name, image.kind))
}

/** A server that waits for TLS, and a client that waits for a greeting, say nothing to each other. */
const ifLate = ({ host, port, secure }: ImapSourceConfig): string =>
  secure
    ? `Check that ${host} can be reached from here, and that no firewall is between.`
    : `Is port ${port} one that begins with TLS, as 993 does? Then leave out \`secure: false\`. Else check that ${host} can be reached from here.`

/** Whoever forgets both waits for mail in vain. */
const unread = ({ projects, mail }: Config): Check[] =>
  projects
    .filter(({ sources }) => sources.length === 0 && mail.inbox.length === 0)
    .map(({ name }) => ({
      name: `mail of ${name}`,
      deadlineMs: 1000,
      ask: () =>
        advice(
          'nobody reads it: there are neither sources nor mail.inbox',
          `Name the list's archive in projects.${name}.sources, or a mailbox that is subscribed to the list in mail.inbox.`,
        ),
    }))

/** It works without, but proof costs more. */
const askTests = (recipe: Recipe): Answer => {
  const steps = onlyWhole(recipe)
  if (steps.length === 0) return fine('each can be run by itself')
  const [are, have, theirs] = steps.length === 1 ? ['is', 'has', 'its'] : ['are', 'have', 'their']
  return advice(
    `${steps.join(', ')} ${are} always run whole, as ${steps.length === 1 ? 'it' : 'they'} ${have} no \`only\``,
    `It works, but proving one failure then takes all of ${theirs} tests. Name a command that runs some of them in \`only\`: docs/recipes.md shows how.`,
  )
}

const sourceCheck = (source: SourceConfig): Check => ({
  name: `source ${source.name}`,
  deadlineMs: fetchMs,
  ask: signal => askSource(source, signal),
  ...(source.kind === 'imap' ? { ifLate: ifLate(source) } : {}),
})

export const projectChecks = (config: Config): Check[] => {
  const { projects, farm, mail } = config
  return [
    ...farm.images.map(image => ({
      name: `image ${image.name}`,
      deadlineMs: fetchMs,
      ask: () => askImage(farm.data, image),
    })),
    ...projects.flatMap(project => [
      {
        name: `repository of ${project.name}`,
        deadlineMs: fetchMs + 5000,
        ask: () => askRepository(project.recipe),
      },
      { name: `tests of ${project.name}`, ask: () => askTests(project.recipe), deadlineMs: 1000 },
      ...project.sources.map(sourceCheck),
    ]),
    ...mail.inbox.map(sourceCheck),
    ...unread(config),
  ]
}
