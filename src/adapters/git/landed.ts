// Which patches are in a branch, told by what they change (git-patch-id(1)). Used by mirror.ts.
import { type ChildProcess, spawn } from 'node:child_process'
import { Fault } from '../../model/fault.ts'
import type { Commit } from '../../model/job.ts'
import type { WantedChange, WantedChanges } from '../../ports/git.ts'
import { killGroup } from '../program.ts'
import { environment, notStarted, runGit } from './run.ts'

/** Patches are other people's: whatever they name, so much is looked at. */
const limits = { ms: 120_000, commits: 20_000, paths: 500, pathLength: 1_000, bytes: 4e6 }

/** Such as a tree can have: one that leads out of it ends git. */
const isPlain = (path: string): boolean =>
  path !== '' &&
  path.length <= limits.pathLength &&
  !/[\n\0]/.test(path) &&
  !path.startsWith('/') &&
  !path.split('/').includes('..')

/** The form that `git format-patch` gives a patch: the same whatever is configured here. */
const asPosted = [
  ...['-p', '-M', '-U3', '--diff-algorithm=myers', '--src-prefix=a/', '--dst-prefix=b/'],
  ...['--no-color', '--no-ext-diff', '--no-textconv', '--indent-heuristic', '--submodule=short'],
]

const ended = (child: ChildProcess): Promise<number> =>
  new Promise((resolve, reject) => {
    child.once('error', error => reject(notStarted(error)))
    child.once('close', code => resolve(code ?? 128))
  })

/** What `git log` prints goes into `git patch-id` as it is: it is bytes, and may be long. */
const patchIds = async (logArgs: string[]): Promise<string> => {
  const log = spawn('git', logArgs, { env: environment, detached: true, stdio: ['ignore', 'pipe', 'pipe'] })
  const id = spawn('git', ['patch-id', '--stable'], {
    ...{ env: environment, detached: true, stdio: ['pipe', 'pipe', 'ignore'] },
  })
  const said = { text: '', error: '' }
  log.stderr.on('data', (chunk: Buffer) => {
    said.error = (said.error + chunk.toString()).slice(-2_000)
  })
  id.stdout.on('data', (chunk: Buffer) => {
    if (said.text.length < limits.bytes) said.text += chunk.toString('latin1')
  })
  // Either may end before the other one has said all (EPIPE); the exit codes say what that means.
  id.stdin.on('error', () => undefined)
  log.stdout.pipe(id.stdin)
  let late = false
  const timer = setTimeout(() => {
    late = true
    for (const { pid } of [log, id]) killGroup(pid)
  }, limits.ms)
  try {
    const [logCode, idCode] = await Promise.all([ended(log), ended(id)])
    if (late) throw new Fault('timeout', 'later', `git log: no end after ${limits.ms / 1000} s`)
    if (logCode !== 0 || idCode !== 0)
      throw new Fault('refused', 'later', `mirror: git log: ${said.error.trim().split('\n')[0]}`)
    return said.text
  } finally {
    clearTimeout(timer)
    for (const child of [log, id]) if (child.exitCode === null) killGroup(child.pid)
  }
}

const decoded = (text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** Message-IDs as they are compared: `<id>`, `id`, or the address of an archive that ends with it. */
const bareId = (value: string): string =>
  decoded(value.trim().replace(/\/+$/, '').replace(/^.*\//, '')).replace(/^<|>$/g, '')

const sameTitle = (one: string | undefined, other: string): boolean =>
  one?.trim().toLowerCase() === other.trim().toLowerCase()

type Trailers = { commit: Commit; title: string; ids: string[]; links: string[] }

const [unit, record] = ['\u001f', '\u001e']
const values = (keys: string[]): string =>
  `%(trailers:${keys.map(key => `key=${key}`).join(',')},valueonly,unfold,separator=%x1e)`
const trailersOf = `--format=%H%x1f%s%x1f${values(['Message-ID'])}%x1f${values(['Link'])}`

const readTrailers = (line: string): Trailers => {
  const [commit = '', title = '', ids = '', links = ''] = line.split(unit)
  const split = (text: string) => (text === '' ? [] : text.split(record).slice(0, 100).map(bareId))
  return { commit, title, ids: split(ids), links: split(links) }
}

/** Of those that were not found by what they change. */
const addNamed = async (
  found: Map<string, Commit>,
  { bounds, bare, changes }: { bounds: string[]; bare: string; changes: WantedChange[] },
): Promise<void> => {
  const left = changes.filter(({ patchId, messageId }) => messageId !== undefined && !found.has(patchId))
  if (left.length === 0) return
  const byId = new Map(left.map(change => [bareId(change.messageId ?? ''), change]))
  const { code, stdout, stderr } = await runGit([`--git-dir=${bare}`, 'log', trailersOf, ...bounds, '--'], {
    ...{ timeoutMs: limits.ms, keep: 16e6 },
  })
  if (code !== 0) throw new Fault('refused', 'later', `mirror: git log: ${stderr.trim().split('\n')[0]}`)
  for (const { commit, title, ids, links } of stdout.split('\n').map(readTrailers)) {
    const named = [
      ...ids.map(id => byId.get(id)),
      ...links.map(id => byId.get(id)).filter(change => sameTitle(change?.title, title)),
    ]
    for (const change of named)
      if (change !== undefined && !found.has(change.patchId)) found.set(change.patchId, commit)
  }
}

/** Without what is in that commit, if it is there still: branches are rewritten, too. */
const without = async (bare: string, after: Commit | undefined): Promise<string[]> => {
  if (after === undefined || !/^[0-9a-f]{40}$/.test(after)) return []
  const there = await runGit([`--git-dir=${bare}`, 'cat-file', '-e', `${after}^{commit}`], {
    timeoutMs: limits.ms,
  })
  return there.code === 0 ? [`^${after}`] : []
}

/** Patch id → the newest commit that brought that change. */
export const landedIn = async (
  bare: string,
  { tip, since, after, changes }: WantedChanges,
): Promise<Map<string, Commit>> => {
  if (!/^[0-9a-f]{40}$/.test(tip)) throw new Fault('malformed', 'never', `mirror: "${tip}" is no commit id`)
  const wanted = new Set(changes.map(({ patchId }) => patchId))
  const paths = [...new Set(changes.map(({ path }) => path).filter(isPlain))]
  const found = new Map<string, Commit>()
  const bounds = [
    ...['--no-merges', `--max-count=${limits.commits}`],
    ...[`--max-age=${Math.max(0, Math.floor(since / 1000))}`, tip, ...(await without(bare, after))],
  ]
  for (let at = 0; at < paths.length; at += limits.paths) {
    const text = await patchIds([
      ...[`--git-dir=${bare}`, '--literal-pathspecs', 'log', '--format=commit %H', ...asPosted],
      ...['--full-diff', ...bounds, '--', ...paths.slice(at, at + limits.paths)],
    ])
    for (const line of text.split('\n')) {
      const [patchId = '', commit = ''] = line.split(' ')
      if (wanted.has(patchId) && !found.has(patchId)) found.set(patchId, commit)
    }
  }
  await addNamed(found, { bounds, bare, changes })
  return found
}
