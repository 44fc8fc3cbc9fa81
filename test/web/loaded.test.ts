// What the pages load: they run beside the bot all the time, so that libraries which only the bot or a rare page needs wait for their first use.
import { execFileSync } from 'node:child_process'
import { expect, test } from 'vitest'

const web = new URL('../../src/wiring/web.ts', import.meta.url).href

const script = `
import { registerHooks } from 'node:module'
const loaded = new Set()
registerHooks({
  load(url, context, next) {
    const name = /.*node_modules\\/((?:@[^/]+\\/)?[^/]+)\\//.exec(url)?.[1]
    if (name) loaded.add(name)
    return next(url, context)
  },
})
await import(${JSON.stringify(web)})
console.log(JSON.stringify([...loaded]))
process.exit()`

const loaded = (): string[] => {
  const given = ['--disable-warning=ExperimentalWarning', '--input-type=module', '-e', script]
  return JSON.parse(execFileSync(process.execPath, given, { encoding: 'utf8' })) as string[]
}

const late = [
  ...['imapflow', 'mailparser', 'mailauth', 'openid-client', 'octokit', 'probot'],
  ...['undici', 'nodemailer'],
  ...['@bull-board/api', '@opentelemetry/sdk-trace-node'],
]

test('the pages begin without what they hardly ever need', () => {
  const all = loaded()
  expect(all).toContain('hono')
  expect(all.filter(name => late.includes(name))).toEqual([])
})
