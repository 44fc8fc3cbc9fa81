// The distribution's Chromium, for pages that are looked at as people do, and axe, which looks at what some of them need.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { type Browser, chromium, type Page } from 'playwright-core'

const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

export const startChromium = (): Promise<Browser> =>
  chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: [
      ...['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'],
      ...['--disable-background-networking', '--disable-component-update', '--disable-sync'],
    ],
  })

/** What axe finds against WCAG 2.1 A and AA and its own best practices, in lines; the page needs a context with `bypassCSP`. */
export const accessibilityTrouble = async (page: Page): Promise<string[]> => {
  await page.evaluate(axeSource)
  return page.evaluate(async () => {
    const { axe } = globalThis as unknown as {
      axe: {
        run(): Promise<{
          violations: { id: string; help: string; nodes: { html: string; failureSummary: string }[] }[]
        }>
      }
    }
    const { violations } = await axe.run()
    return violations.flatMap(({ id, help, nodes }) =>
      nodes
        .slice(0, 3)
        .map(node => `${id}: ${help}: ${node.html.slice(0, 200)} ${node.failureSummary.slice(0, 300)}`),
    )
  })
}

/** What of the page is wider than the window; undefined: nothing. */
export const tooWide = (page: Page): Promise<string | undefined> =>
  page.evaluate(() => {
    const root = (
      globalThis as unknown as { document: { documentElement: { scrollWidth: number; clientWidth: number } } }
    ).document.documentElement
    return root.scrollWidth > root.clientWidth + 1
      ? `${root.scrollWidth} px in ${root.clientWidth} px`
      : undefined
  })
