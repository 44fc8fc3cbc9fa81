// The house's order: which room may import which, where each library belongs, and that every file says what it is.
import { globSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { expect, test } from 'vitest'

const root = new URL('..', import.meta.url).pathname
const files = globSync(['src/**/*.{ts,sh}', 'workers/**/*.ts'], { cwd: root }).sort()

const all = ['model', 'text', 'ports', 'config', 'stages', 'farm', 'adapters', 'wiring', 'workers']
const mayImport: Record<string, string[]> = {
  model: [],
  text: ['model'],
  ports: ['model'],
  config: ['model'],
  stages: ['model', 'ports', 'text'],
  farm: ['model', 'ports', 'config', 'text'],
  adapters: ['model', 'ports', 'config', 'text'],
  wiring: [...all, 'web'],
  web: all,
  // The demo plays what lies in examples/demo.
  cli: [...all, 'examples'],
  // Each calls its stage.
  workers: ['wiring', 'model', 'ports', 'stages'],
}

/** Folders, and files, in which a library may be used. What is missing here has no place yet. */
const libraries: Record<string, string[]> = {
  '@bull-board/api': ['web'],
  '@bull-board/hono': ['web'],
  '@bull-board/ui': ['web'],
  '@hono/zod-openapi': ['web'],
  '@opentelemetry/api': ['adapters/telemetry', 'wiring'],
  '@opentelemetry/exporter-trace-otlp-http': ['adapters/telemetry'],
  '@opentelemetry/resources': ['adapters/telemetry'],
  '@opentelemetry/sdk-trace-node': ['adapters/telemetry'],
  anser: ['text', 'web'],
  idiomorph: ['web'],
  'd3-scale': ['web'],
  'd3-shape': ['web'],
  'openid-client': ['web', 'adapters/oidc'],
  'prom-client': ['web', 'wiring'],
  'rate-limiter-flexible': ['web'],
  standardwebhooks: ['adapters/hooks'],
  '@hono/node-server': ['web'],
  bullmq: ['adapters/bullmq', 'workers'],
  commander: ['cli'],
  feed: ['web'],
  hono: ['web'],
  'ical-generator': ['text'],
  imapflow: ['adapters/imap'],
  ioredis: ['adapters/bullmq', 'adapters/redis'],
  kysely: ['adapters/sql'],
  leven: ['config', 'text'],
  liquidjs: ['text'],
  mailauth: ['adapters/mailauth'],
  mailparser: ['text'],
  nodemailer: ['adapters/smtp', 'text'],
  octokit: ['adapters/github'],
  pg: ['adapters/sql'],
  pino: ['wiring'],
  probot: ['adapters/github'],
  rrule: ['text'],
  sax: ['text'],
  'string-width': ['text'],
  'tap-parser': ['text'],
  'tar-stream': ['stages/run', 'farm'],
  undici: [
    ...['adapters/dispatcher.ts', 'adapters/bugzilla', 'adapters/github', 'adapters/hooks'],
    ...['adapters/oidc', 'adapters/power'],
  ],
  'wrap-ansi': ['text'],
  'xxhash-wasm': ['farm/guest'],
  yaml: ['config', 'cli'],
  zod: ['config', 'adapters', 'farm', 'text', 'web', 'workers'],
}

type Import = { file: string; what: string; typesOnly: boolean }

const imports: Import[] = files.flatMap(file => {
  const text = readFileSync(join(root, file), 'utf8')
  const found = text.matchAll(
    /^(?:import|export(?=[^'=;]*\bfrom '))\b(?<words>[^'=;]*?)'(?<what>[^']+)'|\bimport\('(?<lazy>[^']+)'\)/gm,
  )
  return [...found].map(({ groups = {} }) => ({
    file,
    what: groups.what ?? groups.lazy ?? '',
    typesOnly: /^ type\b/.test(groups.words ?? ''),
  }))
})

/** `src/adapters/sql/store.ts`: adapters/sql in the room adapters. */
const place = (file: string): { folder: string; room: string } => {
  const folder = dirname(file.replace(/^src\//, ''))
  return { folder, room: folder.split('/')[0] ?? '' }
}

const say = ({ file, what }: Import) => `${file} imports ${what}`

test('rooms import only what is below them', () => {
  const wrong = imports
    .filter(({ what }) => what.startsWith('.'))
    .filter(({ file, what }) => {
      const [from, to] = [place(file), place(normalize(join(dirname(file), what)))]
      if (from.room !== to.room) return !mayImport[from.room]?.includes(to.room)
      // No stage knows another stage, no adapter another adapter. What adapters share lies beside their folders.
      if (to.folder === 'adapters') return false
      const apart = from.room === 'stages' || from.room === 'adapters'
      return apart && from.folder.split('/')[1] !== to.folder.split('/')[1]
    })
  expect(imports.length).toBeGreaterThan(100)
  expect(wrong.map(say)).toEqual([])
})

test('libraries stay where they belong', () => {
  const wrong = imports
    .filter(({ what }) => !what.startsWith('.') && !what.startsWith('node:'))
    .filter(({ file, what, typesOnly }) => {
      const library = what.split('/', what.startsWith('@') ? 2 : 1).join('/')
      // How a mail is composed is text; nodemailer does it, and names the parts.
      if (file === 'src/text/compose.ts' && library === 'nodemailer' && typesOnly) return false
      const inSrc = file.replace(/^src\//, '')
      return !libraries[library]?.some(home => inSrc === home || inSrc.startsWith(`${home}/`))
    })
  expect(wrong.map(say)).toEqual([])
})

test('every file begins with what it is', () => {
  const silent = files.filter(
    file => !/^(#![^\n]*\n)?(\/\/|#) ?\S/.test(readFileSync(join(root, file), 'utf8')),
  )
  expect(silent).toEqual([])
})
