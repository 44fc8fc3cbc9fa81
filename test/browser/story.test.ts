// Grapevine as people see it, in a real browser, on real guests: log in by a mailed link, hand in a patch, watch it run to its verdict, read its
// log, look at its screen, drain a host while it runs. Then every page, for those who see little, have a phone, or want no scripts.
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { simpleParser } from 'mailparser'
import type { Browser, BrowserContext, BrowserContextOptions, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { sharedFolder } from '../farm/world.ts'
import { accessibilityTrouble, startChromium, tooWide } from '../real/chromium.ts'
import { services, until } from '../real/grapevine.ts'
import { freePort } from '../real/loopback.ts'
import { redisOf } from '../real/redis.ts'

const operator = 'olga@dev.test'

let folder: string
let site: string
let grapevine: ReturnType<typeof services>
let browser: Browser
let context: BrowserContext
/** What the browser complained of: scripts and styles that are forbidden, errors in scripts. */
const complaints: string[] = []

const at = (...names: string[]) => join(folder, ...names)

const git = (...words: string[]): string =>
  execFileSync(
    'git',
    ['-C', at('tree'), '-c', 'user.name=Ann Author', '-c', 'user.email=ann@dev.test', ...words],
    { encoding: 'utf8' },
  )

const check = `i=1
echo 1..4
while [ $i -le 3 ]; do
  printf '\\033[32mlooking\\033[0m at <part> %s\\n' $i
  [ -e slow ] && sleep 2
  echo "ok $i - part $i"
  i=$((i+1))
done
grep -q '^1$' sum.txt && echo ok 4 - sum && exit
echo not ok 4 - sum
exit 1
`

const makeRepository = (): void => {
  execFileSync('git', ['init', '-q', '-b', 'main', at('tree')])
  writeFileSync(at('tree', 'sum.txt'), '1\n')
  writeFileSync(at('tree', 'check.sh'), check)
  git('add', '.')
  git('commit', '-qm', 'tally: begin')
  execFileSync('git', ['clone', '-q', '--bare', at('tree'), at('tally.git')])
}

const patch = (title: string, change: () => void): string => {
  git('checkout', '-q', '-B', 'topic', 'main')
  change()
  git('add', '.')
  git('commit', '-qm', `tally: ${title}`)
  return git('format-patch', '-1', '--stdout')
}

const yaml = (port: number) => `
data: ${at('data')}
administrator: { name: Olga Operator, address: ${operator} }
bot: { name: Grapevine, address: grapevine@dev.test }
mail: { live: true, maildir: ${at('out')} }
assemble: { quiet: 1 s, deadline: 60 s }
web: { listen: '127.0.0.1:${port}', url: 'http://127.0.0.1:${port}' }
farm:
  data: ${at('farm')}
  slots: 2
  accelerator: tcg
  reserve: 100 MiB
  images:
    # As set-up builds them.
    debian: { kind: debian, packages: [gcc, libc6-dev, make, git, patch, perl], memory: 512 MiB, cpus: 1, disk: 4 GiB }
    busybox: { kind: busybox, memory: 256 MiB }
projects:
  tally:
    list: { name: Tally development, address: tally-devel@dev.test }
    repository: ${at('tally.git')}
    sources: [{ kind: maildir, path: ${at('in')} }]
    build: { image: debian, artifacts: [.] }
    test:
      images: [busybox]
      steps: [{ name: check, run: sh check.sh, report: tap, timeout: 60 s }]
    proof: { likely: 0 }
`

/** The link of the newest mail to the operator that has one. */
const mailedLink = async (): Promise<string | undefined> => {
  const names = await readdir(at('out', 'new')).catch(() => [])
  for (const name of names.sort().reverse()) {
    const mail = await simpleParser(await readFile(at('out', 'new', name)))
    const found = new RegExp(`${site}/login/link\\S+`).exec(mail.text ?? '')
    if (found) return found[0]
  }
  return undefined
}

/** Notes what moved though nobody touched the page (Layout Instability API, https://wicg.github.io/layout-instability/). */
const noteJumps = `
  globalThis.jumps = []
  new PerformanceObserver(list => {
    for (const { value, startTime, hadRecentInput, sources } of list.getEntries())
      if (!hadRecentInput)
        globalThis.jumps.push({ value, at: startTime, what: sources.map(({ node }) => (node?.outerHTML ?? node?.textContent)?.slice(0, 80)) })
  }).observe({ type: 'layout-shift', buffered: true })`

type Jump = { value: number; at: number; what: string[] }

/**
 * The worst of it within five seconds without a pause of one: Cumulative Layout Shift, a share of the window. Up to 0.1 is what people do not mind
 * (https://web.dev/articles/cls).
 */
const worstJumps = async (page: Page): Promise<Jump[]> => {
  let worst: Jump[] = []
  let burst: Jump[] = []
  const sum = (jumps: Jump[]) => jumps.reduce((all, one) => all + one.value, 0)
  for (const jump of (await page.evaluate('globalThis.jumps')) as Jump[]) {
    const isAnew = jump.at - (burst[0]?.at ?? 0) > 5000 || jump.at - (burst.at(-1)?.at ?? 0) > 1000
    burst = isAnew ? [jump] : [...burst, jump]
    if (sum(burst) > sum(worst)) worst = burst
  }
  return sum(worst) > 0.1 ? worst : []
}

const open = async (path: string, on = context): Promise<Page> => {
  const page = await on.newPage()
  await page.addInitScript(noteJumps)
  page.on('console', message => {
    if (message.type() === 'error') complaints.push(`${page.url()}: ${message.text()}`)
  })
  page.on('pageerror', error => complaints.push(`${page.url()}: ${error.message}`))
  await page.goto(`${site}${path}`)
  return page
}

const textOf = (page: Page): Promise<string> => page.locator('main').innerText()

/** The page itself comes to say it: nobody loads it anew. */
const comesToSay = async (page: Page, words: RegExp): Promise<void> => {
  await page.evaluate('globalThis.isSame = true')
  await until(`${page.url()} says ${words}`, async () => words.test(await textOf(page)))
  expect(await page.evaluate('globalThis.isSame')).toBe(true)
}

const handIn = async (title: string, change: () => void): Promise<Page> => {
  const page = await open('/submit')
  await page.locator('textarea[name=text]').fill(patch(title, change))
  await page.getByRole('button', { name: 'Hand in' }).click()
  await page.waitForURL(/\/series\/[0-9a-z]+/)
  return page
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'gv-browser-'))
  execFileSync('chmod', ['755', folder])
  for (const name of ['data', 'farm', 'in', 'in/new', 'in/cur', 'in/tmp']) mkdirSync(at(name))
  symlinkSync(join(sharedFolder, 'images'), at('farm', 'images'))
  makeRepository()
  const port = await freePort()
  site = `http://127.0.0.1:${port}`
  writeFileSync(at('grapevine.yaml'), yaml(port))
  const env: NodeJS.ProcessEnv = { ...process.env, GRAPEVINE_HOST: 'oak' }
  for (const name of ['REDIS_URL', 'DATABASE_URL']) delete env[name]
  grapevine = services({ folder, env })
  for (const name of ['start', 'worker', 'web'] as const) grapevine.start(name)
  browser = await startChromium()
  context = await browser.newContext({ viewport: { width: 1280, height: 900 } })
  await until('the pages', () =>
    fetch(`${site}/healthz`).then(
      answer => answer.ok,
      () => false,
    ),
  )
})

afterAll(async () => {
  await browser?.close()
  await grapevine?.killAll()
  for (const pid of redisOf(folder)) process.kill(pid, 'SIGKILL')
  rmSync(folder, { recursive: true, force: true })
})

const pagesSeen = new Set([
  ...['/', '/series', '/farm', '/farm/hosts/oak', '/tests', '/tests/tally/history?step=check&test=sum'],
  ...['/known', '/incidents', '/statistics', '/status', '/login', '/api'],
])
const operatorsPages = ['/submit', '/operations', '/audit', '/tokens']

test('an operator logs in by a link in a mail', async () => {
  const page = await open('/login')
  await page.locator('input[name=address]').fill(operator)
  await page.getByRole('button', { name: /link/i }).click()
  await until('a mail with a link', async () => (await mailedLink()) !== undefined)
  await page.goto((await mailedLink()) ?? '')
  await page.getByRole('button', { name: /log in/i }).click()
  await until('the name of who is logged in', async () =>
    /olga/i.test(await page.locator('header').innerText()),
  )
  await page.close()
})

test('hands in a patch and watches it run, live, until its verdict', async () => {
  const page = await handIn('count slowly', () => writeFileSync(at('tree', 'slow'), ''))
  pagesSeen.add(new URL(page.url()).pathname)
  await comesToSay(page, /tally: count slowly/)
  await until('a run of a test', async () => (await runsOnPage(page)).length > 0)
  const run = await open((await runsOnPage(page)).at(-1) ?? '')
  pagesSeen.add(new URL(run.url()).pathname)
  await comesToSay(run, /looking at <part> 1[\s\S]*looking at <part> 3/)
  expect(await run.locator('.log-live .ansi-green').first().innerText()).toBe('looking')
  await comesToSay(page, /Decided/)
  await comesToSay(page, /no new failures|nothing new|all well|passed/i)
  expect(await worstJumps(page)).toEqual([])
  expect(await worstJumps(run)).toEqual([])
  await Promise.all([page.close(), run.close()])
}, 300_000)

/** Addresses of the tries in busybox that a series page leads to. */
const runsOnPage = (page: Page): Promise<string[]> =>
  page
    .locator('main tr', { hasText: 'busybox' })
    .locator('a[href^="/runs/"]:not([href*="/log"])')
    .evaluateAll(links => [...new Set(links.map(one => one.getAttribute('href') ?? ''))])

test('drains a host while it runs; what breaks is told with its numbers, its log and its screen', async () => {
  const page = await handIn('lose a part', () => writeFileSync(at('tree', 'sum.txt'), '2\n'))
  const series = new URL(page.url()).pathname
  for (const path of [series, `${series}/patches`]) pagesSeen.add(path)
  await until('a run', async () => (await runsOnPage(page)).length > 0)

  const operations = await open('/operations')
  const form = operations.locator('form', { has: operations.locator('option', { hasText: 'oak' }) }).first()
  await form.locator('[name=reason]').fill('new memory')
  await form.getByRole('button', { name: /^Drain/ }).click()
  const farm = await open('/farm')
  await comesToSay(farm, /drain[\s\S]*new memory/i)
  expect(await textOf(operations)).toMatch(/^Host oak takes no new tasks/)
  await operations.goto(`${site}/operations`)
  await operations.getByRole('button', { name: 'Resume host oak' }).click()
  await until('the host works again', async () => !/new memory/.test(await textOf(await reloaded(farm))))

  await comesToSay(page, /new failure|fails/i)
  await comesToSay(page, /sum/)
  await comesToSay(page, /\d+ of \d+/)
  await page.locator('main a[href*="/log"]').first().click()
  await page.waitForURL(/\/log/)
  const log = await textOf(page)
  expect(log).toContain('not ok 4 - sum')
  expect(log).toContain('looking at <part> 1')
  pagesSeen.add(new URL(page.url()).pathname)
  await page.goto(`${site}${await runWithPicture(page, series)}`)
  pagesSeen.add(new URL(page.url()).pathname)
  // The browser fetches it when it comes near to being seen, which may be after the page was loaded.
  const picture = page.locator('main img').first()
  await picture.scrollIntoViewIfNeeded()
  const width = () => picture.evaluate(image => (image as unknown as { naturalWidth: number }).naturalWidth)
  await until('the picture of the screen', async () => (await width()) > 0)

  const audit = await open('/audit')
  expect(await textOf(audit)).toMatch(/olga[\s\S]*drain[\s\S]*new memory/i)
  await Promise.all([page, operations, farm, audit].map(one => one.close()))
}, 300_000)

test('opens an incident and changes its words; the page says once what came of it', async () => {
  const page = await open('/incidents')
  await page.getByText('Open an incident').click()
  await page.locator('#about').fill('the cooling is weak')
  await page.getByRole('button', { name: 'Open it' }).click()
  await page.locator('.said').waitFor()
  await page.locator('main a[href^="/incidents/"]').first().click()
  await page.getByText('Change its words').click()
  await page.locator('[name=cause]').fill('a filter is full of dust')
  await page.getByRole('button', { name: 'Change', exact: true }).click()
  await page.locator('.said').waitFor()
  expect(await textOf(page)).toMatch(/words are changed[\s\S]*a filter is full of dust/)
  expect(await (await reloaded(page)).locator('.said').count()).toBe(0)
  pagesSeen.add(new URL(page.url()).pathname)
  await page.close()
})

const reloaded = async (page: Page): Promise<Page> => {
  await page.reload()
  return page
}

/** A run that did not end well has a picture of its screen. */
const runWithPicture = async (page: Page, series: string): Promise<string> => {
  await page.goto(`${site}${series}`)
  for (const path of await runsOnPage(page)) {
    await page.goto(`${site}${path}`)
    if ((await page.locator('main img').count()) > 0) return path
  }
  throw new Error('no run has a picture')
}

/** Every one of them in one window, which is looked at each time. */
const lookAtAll = async (
  paths: Iterable<string>,
  options: BrowserContextOptions,
  look: (page: Page, path: string) => Promise<void>,
): Promise<void> => {
  const own = await browser.newContext(options)
  const page = await open('/', own)
  for (const path of paths) {
    await page.goto(`${site}${path}`)
    await look(page, path)
  }
  await own.close()
}

describe('every page', () => {
  const all = () => [...pagesSeen, ...operatorsPages]

  test.each(['light', 'dark'] as const)('can be used by those who see little (%s)', async colorScheme => {
    const storageState = await context.storageState()
    await lookAtAll(all(), { bypassCSP: true, colorScheme, storageState }, async (page, path) => {
      expect(await accessibilityTrouble(page), path).toEqual([])
    })
  })

  test('fits on a phone', async () => {
    const storageState = await context.storageState()
    await lookAtAll(all(), { viewport: { width: 360, height: 740 }, storageState }, async (page, path) => {
      expect(await tooWide(page), path).toBeUndefined()
    })
  })

  test('can be read without scripts, and without an account', async () => {
    await lookAtAll(pagesSeen, { javaScriptEnabled: false }, async (page, path) => {
      expect((await page.locator('h1').allInnerTexts()).join('').length, path).toBeGreaterThan(0)
      if (path.endsWith('/log')) expect(await textOf(page)).toContain('ok 1 - part 1')
      if (path === '/series') expect(await textOf(page)).toContain('tally: lose a part')
    })
    for (const path of operatorsPages) {
      const answer = await fetch(`${site}${path}`, { redirect: 'manual' })
      expect([302, 303, 401, 403], path).toContain(answer.status)
    }
  })

  test('keeps to its own rules: nothing was refused by the browser, no script failed', () => {
    expect(complaints).toEqual([])
  })

  test('weighs little', async () => {
    for (const path of pagesSeen) {
      const { length } = await (await fetch(`${site}${path}`)).text()
      expect(length, path).toBeLessThan(150_000)
    }
  })
})
