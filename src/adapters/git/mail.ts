// GitMail by the real git: `git mailinfo` and `git patch-id`, on temporary files, in no repository and with nobody's configuration.
import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { availableParallelism, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { Fault } from '../../model/fault.ts'
import type { GitMail, MailInfo } from '../../ports/git.ts'

/** For a batch of mails; past it the machine is in trouble. */
const deadlineMs = 60_000
/** For one mail: 30 MB take less than one. Base64 without a line end in it takes git quadratic time. */
const cpuSeconds = 3
const remedy = 'install git 2.33 or newer, so that it is in the PATH'

type Ran = { code: number | null; stdout: Buffer; stderr: string; timedOut: boolean }

const environment = (folder: string): NodeJS.ProcessEnv => ({
  PATH: process.env.PATH,
  HOME: folder,
  LC_ALL: 'C',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_CEILING_DIRECTORIES: dirname(folder),
  GIT_CONFIG_COUNT: '2',
  GIT_CONFIG_KEY_0: 'i18n.commitEncoding',
  GIT_CONFIG_VALUE_0: 'UTF-8',
  GIT_CONFIG_KEY_1: 'mailinfo.scissors',
  GIT_CONFIG_VALUE_1: 'false',
})

/** Runs a program to its end or its deadline; then everything that it started is killed with it. */
const run = (program: string, args: string[], input: Buffer, folder: string): Promise<Ran> =>
  new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd: folder, env: environment(folder), detached: true })
    const stdout: Buffer[] = []
    let stderr = ''
    let timedOut = false
    const timer = setTimeout(() => {
      timedOut = true
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
    }, deadlineMs)
    child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk))
    child.stderr.on('data', (chunk: Buffer) => {
      stderr = (stderr + chunk.toString('latin1')).slice(0, 2000)
    })
    child.on('error', cause => {
      clearTimeout(timer)
      reject(new Fault('refused', 'later', `${program} does not start: ${cause.message}`, { cause, remedy }))
    })
    child.on('close', code => {
      clearTimeout(timer)
      if (code === 127)
        reject(new Fault('refused', 'later', `git does not start: ${stderr.trim()}`, { remedy }))
      else resolve({ code, stdout: Buffer.concat(stdout), stderr, timedOut })
    })
    // A program may stop reading before the end (EPIPE); its exit code says what that means.
    child.stdin.on('error', () => undefined)
    child.stdin.end(input)
  })

/** As `git mailsplit` does it before `git mailinfo`: without the mbox line, and without the CR of a mail that came by the wire. */
const asSplit = (raw: Buffer): Buffer => {
  const start = raw.subarray(0, 5).toString('latin1') === 'From ' ? raw.indexOf(10) + 1 : 0
  const mail = raw.subarray(start)
  return mail.includes('\r\n')
    ? Buffer.from(mail.toString('latin1').replaceAll('\r\n', '\n'), 'latin1')
    : mail
}

const field = (info: string, name: string): string =>
  info
    .split('\n')
    .find(line => line.startsWith(`${name}: `))
    ?.slice(name.length + 2) ?? ''

/**
 * For each number in the arguments: N.mail → N.info, N.message, N.patch, and a line `N` and git's exit code. A shell runs git, as
 * starting a process from here costs more than git takes. The second try is for a charset that git does not know
 * (`charset="y"`): without recoding, the diff is all right.
 */
const script = `
ulimit -t ${cpuSeconds}
read_mail() { git mailinfo "$1" --quoted-cr=strip "$2.message" "$2.patch" <"$2.mail" >"$2.info"; }
for n; do
  read_mail -u "$n"
  code=$?
  if [ $code -gt 0 ] && [ $code -lt 129 ]; then read_mail -n "$n"; code=$?; fi
  echo "$n $code"
done`

const readInfo = async (folder: string, n: number): Promise<MailInfo> => {
  const file = (kind: string) => join(folder, `${n}.${kind}`)
  const [info, message, patch] = await Promise.all([
    readFile(file('info'), 'utf8'),
    readFile(file('message'), 'utf8'),
    readFile(file('patch')),
  ])
  const author = { name: field(info, 'Author'), address: field(info, 'Email').toLowerCase() }
  return { author, subject: field(info, 'Subject'), message, patch }
}

/** The numbers of the mails that git could read. One on which it hangs is passed over, and the rest is read by another process. */
const readable = async (numbers: number[], folder: string): Promise<number[]> => {
  const ran = await run('sh', ['-c', script, 'sh', ...numbers.map(String)], Buffer.alloc(0), folder)
  const codes = new Map(
    [...ran.stdout.toString('latin1').matchAll(/^(\d+) (\d+)$/gm)].map(([, n, code]) => [
      Number(n),
      Number(code),
    ]),
  )
  if ([...codes.values()].includes(129))
    throw new Fault('refused', 'never', `git mailinfo: ${ran.stderr.split('\n')[0] ?? 'wrong usage'}`, {
      remedy,
    })
  const read = numbers.filter(n => codes.get(n) === 0)
  const left = numbers.filter(n => !codes.has(n)).slice(1)
  return left.length === 0 ? read : [...read, ...(await readable(left, folder))]
}

const mailinfo = async (raws: Buffer[], width: number, folder: string): Promise<(MailInfo | undefined)[]> => {
  for (const [n, raw] of raws.entries()) await writeFile(join(folder, `${n}.mail`), asSplit(raw))
  const lanes = Array.from({ length: Math.min(width, raws.length) }, (_, lane) =>
    raws.map((_, n) => n).filter(n => n % width === lane),
  )
  const good = new Set((await Promise.all(lanes.map(numbers => readable(numbers, folder)))).flat())
  const infos: (MailInfo | undefined)[] = []
  for (const n of raws.keys()) infos.push(good.has(n) ? await readInfo(folder, n) : undefined)
  return infos
}

const inFolder = async <R>(work: (folder: string) => Promise<R>): Promise<R> => {
  const folder = await mkdtemp(join(tmpdir(), 'grapevine-git-'))
  try {
    return await work(folder)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

const label = (n: number): string => `${n + 1}`.padStart(40, '0')
/** What `git patch-id` takes for the start of the next patch, unless it stands in a hunk, where a sign comes first. */
const foreignStart = /^(?:diff-tree |commit |From )?[0-9a-f]{40}.*$/gim

const patchIds = async (patches: Buffer[], folder: string): Promise<(string | undefined)[]> => {
  const input = patches.flatMap((patch, n) => [
    Buffer.from(`commit ${label(n)}\n`),
    Buffer.from(patch.toString('latin1').replace(foreignStart, ''), 'latin1'),
    Buffer.from('\n'),
  ])
  const ran = await run('git', ['patch-id', '--stable'], Buffer.concat(input), folder)
  if (ran.code !== 0)
    throw new Fault(
      ran.timedOut ? 'timeout' : 'malformed',
      'soon',
      `git patch-id: ${ran.stderr.trim() || `exit code ${ran.code}`}`,
    )
  const ids = new Map(
    ran.stdout
      .toString('latin1')
      .split('\n')
      .map(line => line.split(' '))
      .map(([id = '', of = '']) => [of, id]),
  )
  return patches.map((_, n) => ids.get(label(n)))
}

type Bare = { file: string; strip: 0 | 1 }

/** All in one process where all are well, as nearly always; else by halves down to those that are not. */
const refusals = async (patches: Bare[], folder: string): Promise<(string | undefined)[]> => {
  const strip = patches[0]?.strip ?? 1
  if (patches.some(patch => patch.strip !== strip)) return eachHalf(patches, folder)
  const args = ['-c', `ulimit -t ${cpuSeconds}; exec git apply --numstat -z "$@" >/dev/null`, 'sh']
  const ran = await run(
    'sh',
    [...args, `-p${strip}`, '--', ...patches.map(({ file }) => file)],
    Buffer.alloc(0),
    folder,
  )
  if (ran.code === 0) return patches.map(() => undefined)
  if (ran.code === 129)
    throw new Fault('refused', 'never', `git apply: ${ran.stderr.split('\n')[0] ?? 'wrong usage'}`, {
      remedy,
    })
  if (patches.length > 1) return eachHalf(patches, folder)
  const said = /^(?:error|fatal): (.*)$/m.exec(ran.stderr)?.[1]
  return [said?.replace(/\s*\(allow with .*\)$/, '') ?? 'it takes too long']
}

const eachHalf = async (patches: Bare[], folder: string): Promise<(string | undefined)[]> => {
  const middle = Math.ceil(patches.length / 2)
  return [
    ...(await refusals(patches.slice(0, middle), folder)),
    ...(await refusals(patches.slice(middle), folder)),
  ]
}

const writtenRefusals = async (
  patches: { patch: Buffer; strip: 0 | 1 }[],
  folder: string,
): Promise<(string | undefined)[]> => {
  const files: Bare[] = []
  for (const [n, { patch, strip }] of patches.entries()) {
    const file = `${n}.patch`
    await writeFile(join(folder, file), patch)
    files.push({ file, strip })
  }
  return refusals(files, folder)
}

/**
 * Reads patch mails with git, as many processes at a time as there are CPUs. Nothing is written outside a temporary folder.
 * Faults: refused (git is missing or too old), timeout, malformed.
 */
export const gitMail = ({ width = availableParallelism() }: { width?: number } = {}): GitMail => ({
  mailinfo: async raws => (raws.length === 0 ? [] : inFolder(folder => mailinfo(raws, width, folder))),
  refusals: async patches =>
    patches.length === 0 ? [] : inFolder(folder => writtenRefusals(patches, folder)),
  patchIds: async patches => (patches.length === 0 ? [] : inFolder(folder => patchIds(patches, folder))),
})
