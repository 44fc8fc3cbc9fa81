// `grapevine github setup` against a GitHub on loopback: what its owner sees, and what is written.
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { expect, test } from 'vitest'
import type { CliDeps } from '../../src/cli/deps.ts'
import { manifestOf, setup } from '../../src/cli/github-setup.ts'
import { startGithubApp } from '../fakes/github/app.ts'

test('the manifest asks for the least, and for more only where series are pushed', () => {
  const text = readFileSync(new URL('../../app.yml', import.meta.url), 'utf8')
  const given = { url: 'https://grapevine.example.org', name: undefined, done: 'http://127.0.0.1:1/done' }
  expect(manifestOf(text, { ...given, series: false })).toMatchObject({
    ...{ public: false, redirect_url: 'http://127.0.0.1:1/done' },
    hook_attributes: { url: 'https://grapevine.example.org/api/github/webhooks', active: true },
    default_permissions: {
      ...{ checks: 'write', contents: 'read', issues: 'read', metadata: 'read', pull_requests: 'write' },
    },
  })
  expect(manifestOf(text, { ...given, series: true }).default_permissions).toEqual({
    ...{ checks: 'write', contents: 'write', issues: 'read', metadata: 'read', pull_requests: 'write' },
    statuses: 'write',
  })
})

test('sends its owner to GitHub, exchanges the code, and keeps what came of it for that user alone', async () => {
  const github = await startGithubApp()
  const folder = mkdtempSync(join(tmpdir(), 'grapevine-setup-'))
  const stdout = new PassThrough({ encoding: 'utf8' })
  const signal = new AbortController().signal
  try {
    const options = { url: 'https://grapevine.example.org', name: 'Tally tests', organization: undefined }
    const done = setup({ stdout, signal } as unknown as CliDeps, {
      ...{ ...options, series: false, port: 0, folder, ca: undefined, proxy: undefined },
      ...{ api: github.api, site: github.api },
    })
    const [page = ''] =
      /http:\/\/127\.0\.0\.1:\d+\//.exec(String((await stdout[Symbol.asyncIterator]().next()).value)) ?? []
    const html = await (await fetch(page)).text()
    const [, manifest = ''] = /name="manifest" value="([^"]*)"/.exec(html) ?? []
    expect(JSON.parse(manifest.replaceAll('&quot;', '"'))).toMatchObject({ name: 'Tally tests' })
    const [, state] = /settings\/apps\/new\?state=(\w+)"/.exec(html) ?? []
    expect((await fetch(`${page}done?code=goodcode&state=other`)).status).toBe(400)
    expect((await fetch(`${page}done?code=goodcode&state=${state}`)).status).toBe(200)
    await done
    const key = join(folder, 'github-app.pem')
    expect(readFileSync(key, 'utf8')).toBe(github.key)
    expect(statSync(key).mode & 0o777).toBe(0o600)
    expect(readFileSync(join(folder, 'github-webhook.secret'), 'utf8')).toBe(`${github.secret}\n`)
  } finally {
    rmSync(folder, { recursive: true })
    await github.close()
  }
})
