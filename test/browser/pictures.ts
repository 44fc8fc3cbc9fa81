// Pictures of the pages for docs/, of a Grapevine that runs: `npm run pictures -- http://127.0.0.1:8080`. After `npm run demo` and
// `grapevine web --config examples/demo/grapevine.yaml` it shows the demo.
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { startChromium } from '../real/chromium.ts'

const folder = join(import.meta.dirname, '../../docs/pictures')
const site = process.argv[2] ?? 'http://127.0.0.1:8080'

const browser = await startChromium()
const context = await browser.newContext({ viewport: { width: 1100, height: 720 } })
const page = await context.newPage()

const shoot = async (name: string, path: string): Promise<void> => {
  await page.goto(new URL(path, site).href)
  await page.screenshot({ path: join(folder, `${name}.png`) })
  console.log(`${name}: ${path}`)
}

const linkOn = async (on: Page, selector: string): Promise<string> => {
  const path = await on.locator(selector).first().getAttribute('href')
  if (path === null) throw new Error(`${on.url()} has no ${selector}`)
  return path
}

await shoot('now', '/')
await page.goto(new URL('/series?verdict=new-failures', site).href)
await shoot('series', await linkOn(page, 'main td a[href^="/series/"]'))
const line = await linkOn(page, 'main table.matrix td a[href*="/log#L"]')
const test = await linkOn(page, 'main table.matrix th a[href^="/tests/"]')
await shoot('log', line)
await shoot('test', test)
await shoot('farm', '/farm')
await shoot('statistics', '/statistics')
await browser.close()
