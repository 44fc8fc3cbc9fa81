// GitMail by the real git: `git mailinfo` and `git patch-id`, on temporary files, in no repository and with nobody's configuration.
import { spawn } from 'node:child_process'
import { constants } from 'node:fs'
import { access, mkdtemp, open, readFile, rm, stat, statfs, writeFile } from 'node:fs/promises'
import { availableParallelism, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { Fault } from '../../model/fault.ts'
import type { GitMail, MailInfo } from '../../ports/git.ts'

/** For a batch of mails; past it the machine is in trouble. */
const deadlineMs = 60_000
/** For one mail: 14 MB take less than one. Base64 without a line end in it takes git quadratic time. */
const cpuSeconds = 3
/** More than this is no patch that anybody could read. */
const patchBytes = 10 << 20
/** Of what stands above the patch; with attachments it may be long. */
const wordBytes = 1 << 20
/** So that a patch and what is attached beside it fit in base64. */
const mailBytes = 14 << 20
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

/** In place of a copy for each step: a mail may be large. */
const withoutCr = (mail: Buffer): Buffer => {
  const out = Buffer.allocUnsafe(mail.length)
  let length = 0
  let from = 0
  for (let at = mail.indexOf('\r\n'); at >= 0; at = mail.indexOf('\r\n', from)) {
    length += mail.copy(out, length, from, at)
    from = at + 1
  }
  length += mail.copy(out, length, from)
  return out.subarray(0, length)
}

/** As `git mailsplit` does it before `git mailinfo`: without the mbox line, and without the CR of a mail that came by the wire. */
const asSplit = (raw: Buffer): Buffer => {
  const start = raw.subarray(0, 5).toString('latin1') === 'From ' ? raw.indexOf(10) + 1 : 0
  const mail = raw.subarray(start)
  return mail.includes('\r\n') ? withoutCr(mail) : mail
}

/** git takes the brackets from a subject one by one, and copies the rest each time. */
const longSubject = /^subject:(?:[^\n]|\n[ \t]){16384}/im
const headBytes = 1 << 20
/** Bytes that git may move about for one mail: a second's work. */
const patience = 4e9
const block = 64 << 10
const base64Line = 57

/**
 * Would git take too long? It is asked of no mail over 14 MiB. And it may copy for ever: it puts each decoded line behind what came
 * since the last line end, and copies all of it, so that base64 and quoted-printable without a line end in them take quadratic time,
 * minutes for 30 MB. Nobody sends a patch so.
 */
const isTooMuch = (raw: Buffer): boolean => {
  if (raw.length > mailBytes) return true
  if (longSubject.test(raw.toString('latin1', 0, headBytes))) return true
  const quoted = raw.length > 4 * block && /quoted-printable/i.test(raw.toString('latin1', 0, headBytes))
  let run = 0
  let cost = 0
  const end = () => {
    cost += (run * run) / (2 * base64Line)
    run = 0
  }
  for (let from = 0; raw.length > 4 * block && from < raw.length && cost <= patience; ) {
    const to = raw.indexOf(10, from + block) + 1 || raw.length
    const text = raw.toString('latin1', from, to)
    const soft = quoted && !/[^=\r\n]\r?\n/.test(text)
    if (!soft && !/^[A-Za-z0-9+/=\r\n]+$/.test(text)) end()
    else {
      const decoded = soft ? text.length : Buffer.from(text, 'base64').lastIndexOf(10) >= 0 ? 0 : to - from
      if (decoded === 0) end()
      else run += decoded
    }
    from = to
  }
  end()
  return cost > patience
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

/** The first bytes of a file. */
const firstOf = async (path: string, bytes: number): Promise<Buffer> => {
  const { size } = await stat(path)
  if (size <= bytes) return readFile(path)
  const file = await open(path)
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(bytes), 0, bytes, 0)
    return buffer.subarray(0, bytesRead)
  } finally {
    await file.close()
  }
}

const readInfo = async (folder: string, n: number): Promise<MailInfo | undefined> => {
  const file = (kind: string) => join(folder, `${n}.${kind}`)
  const patch = await firstOf(file('patch'), patchBytes + 1)
  if (patch.length > patchBytes) return undefined
  const info = (await firstOf(file('info'), wordBytes)).toString('utf8')
  const message = (await firstOf(file('message'), wordBytes)).toString('utf8')
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
  const numbers: number[] = []
  for (const [n, raw] of raws.entries()) {
    if (isTooMuch(raw)) continue
    await writeFile(join(folder, `${n}.mail`), asSplit(raw))
    numbers.push(n)
  }
  const lanes = Array.from({ length: Math.min(width, numbers.length) }, (_, lane) =>
    numbers.filter((_, place) => place % width === lane),
  )
  const good = new Set((await Promise.all(lanes.map(numbers => readable(numbers, folder)))).flat())
  const infos: (MailInfo | undefined)[] = []
  for (const n of raws.keys()) infos.push(good.has(n) ? await readInfo(folder, n) : undefined)
  return infos
}

/** Files in memory: on a disk, four small files for each mail take a fifth of the time of reading it. */
const inMemory = '/dev/shm'
/** Left for others, and for what git makes of a mail. */
const spareBytes = 64 << 20

/** Where it works, and what its folders begin with: a process that is killed leaves one behind. */
export const gitScratch = { places: [inMemory, tmpdir()], prefix: 'grapevine-git-' }

/** Where so many bytes of mail, and several times that as git takes them apart, have room. */
const placeFor = async (bytes: number): Promise<string> => {
  try {
    const { bavail, bsize } = await statfs(inMemory)
    await access(inMemory, constants.W_OK)
    if (bavail * bsize > 8 * bytes + spareBytes) return inMemory
  } catch {
    // There is no such place here.
  }
  return tmpdir()
}

const bytesOf = (buffers: Buffer[]): number => buffers.reduce((sum, { length }) => sum + length, 0)

const inFolder = async <R>(inputs: Buffer[], work: (folder: string) => Promise<R>): Promise<R> => {
  const folder = await mkdtemp(join(await placeFor(bytesOf(inputs)), gitScratch.prefix))
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
  mailinfo: async raws => (raws.length === 0 ? [] : inFolder(raws, folder => mailinfo(raws, width, folder))),
  refusals: async patches =>
    patches.length === 0
      ? []
      : inFolder(
          patches.map(({ patch }) => patch),
          folder => writtenRefusals(patches, folder),
        ),
  patchIds: async patches =>
    patches.length === 0 ? [] : inFolder(patches, folder => patchIds(patches, folder)),
})
