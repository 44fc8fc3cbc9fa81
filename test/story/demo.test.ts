// The demo, twice on real guests: undisturbed, its replies are the golden ones; with its processes killed and its queue emptied on the
// way, they are the same, each once.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { Redis } from 'ioredis'
import { simpleParser } from 'mailparser'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const command = new URL('../../bin/grapevine', import.meta.url).pathname
const farm = new URL('../../.grapevine/farm', import.meta.url).pathname

type Played = { code: number | null; lines: string[] }

/** Runs the demo; `onLine` may do harm meanwhile. */
const playDemo = async (
  folder: string,
  onLine: (line: string, demo: ChildProcess) => void,
): Promise<Played> => {
  const demo = spawn(command, ['demo', '--folder', folder], { stdio: ['ignore', 'pipe', 'inherit'] })
  const lines: string[] = []
  createInterface({ input: demo.stdout }).on('line', line => {
    lines.push(line)
    onLine(line, demo)
  })
  const [code] = await once(demo, 'close')
  return { code, lines }
}

/** The replies as their readers see them, by the title that they answer; what differs between two runs is named instead. */
const readReplies = async (folder: string): Promise<Map<string, string>> => {
  const outbox = join(folder, 'outbox', 'new')
  const replies = new Map<string, string>()
  for (const name of await readdir(outbox)) {
    const mail = await simpleParser(await readFile(join(outbox, name)))
    const header = (key: string) => {
      const line = mail.headerLines.find(one => one.key === key)?.line ?? ''
      return line
        .slice(line.indexOf(':') + 1)
        .replace(/\s+/g, ' ')
        .trim()
    }
    // Word of a worker that was killed is no reply.
    if (header('x-grapevine-notice') !== '') continue
    const names = [
      'From',
      'To',
      'Cc',
      'Subject',
      'In-Reply-To',
      'References',
      'Auto-Submitted',
      'X-Grapevine-Verdict',
    ]
    const head = names.map(key => `${key}: ${header(key.toLowerCase())}`).filter(line => !line.endsWith(': '))
    const text = (mail.text ?? '')
      .replaceAll(folder, '/var/lib/grapevine')
      // A Wine test unit prints its process id.
      .replace(/(?<=^\s+|:)[0-9a-f]{4}(?=:\w|\s\w+ done| done)/gm, 'PID0')
    const title = (mail.subject ?? '').replace(/^Re: (\[[^\]]*\] )*/, '')
    const version = / v2[ \]]/.test(mail.subject ?? '') ? 'v2 ' : ''
    const key = `${version}${title}`
    if (replies.has(key)) throw new Error(`two replies to "${key}"`)
    replies.set(key, `${head.join('\n')}\n\n${text}`)
  }
  return replies
}

const golden = (title: string) => `golden-demo/${title.replace(/[^\w]+/g, '-').toLowerCase()}.txt`

const pidIn = async (file: string): Promise<number> => JSON.parse(await readFile(file, 'utf8')).pid

describe('the demo', () => {
  let root = ''
  let undisturbed = new Map<string, string>()
  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'gv-demo-'))
  })
  afterAll(() => rm(root, { recursive: true }))

  it('ends well, with the replies that its mails were written for', { timeout: 900_000 }, async () => {
    const folder = join(root, 'one')
    const { code, lines } = await playDemo(folder, () => {})
    expect(code, lines.slice(-12).join('\n')).toBe(0)
    undisturbed = await readReplies(folder)
    for (const [title, text] of undisturbed) {
      expect(text.split('\n').filter(line => line.length > 998)).toEqual([])
      await expect(text).toMatchFileSnapshot(golden(title))
    }
    expect(undisturbed.size).toBe(16)
  })

  it('killed in the middle, it gives the same replies, each once', { timeout: 1_800_000 }, async () => {
    const folder = join(root, 'two')
    const harm: [RegExp, () => Promise<unknown>][] = [
      [/: built$/, async () => process.kill(await workerPid(), 'SIGKILL')],
      [
        /reply to .*I could not apply/,
        async () => process.kill(await pidIn(join(folder, 'bot.lock')), 'SIGKILL'),
      ],
      [/tests: .* on|on busybox: tests:/, () => emptyQueue(folder)],
    ]
    const workerPid = async () => {
      const locks = (await readdir(farm)).filter(name => /^worker-.*\.lock$/.test(name))
      return pidIn(join(farm, locks[0] ?? ''))
    }
    const done: string[] = []
    const disturb = (line: string) => {
      const at = harm.findIndex(([when]) => when.test(line))
      const [found] = at < 0 ? [] : harm.splice(at, 1)
      if (!found) return
      done.push(String(found[0]))
      found[1]().catch(error => done.push(`failed: ${error}`))
    }
    // The demo itself is killed, too: with it go its bot and worker, and the next call goes on.
    const first = await playDemo(folder, (line, demo) => {
      disturb(line)
      if (harm.length === 0 && /reply to .*With your patch/.test(line)) demo.kill('SIGKILL')
    })
    expect(first.code).toBe(null)
    expect(done).toHaveLength(3)
    const second = await playDemo(folder, () => {})
    expect(second.code, second.lines.slice(-12).join('\n')).toBe(0)
    expect(second.lines[0]).toMatch(/it goes on/)
    expect(await readReplies(folder)).toEqual(
      new Map([...undisturbed].map(([title, text]) => [title, text.replaceAll('/one/', '/two/')])),
    )
  })
})

const emptyQueue = async (folder: string): Promise<void> => {
  const redis = new Redis(join(folder, 'redis', 'redis.sock'), { lazyConnect: true })
  await redis.connect()
  await redis.flushall()
  await redis.quit()
}
