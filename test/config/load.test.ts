// The configuration: what a file says becomes a Config, and everything that is wrong with it is said at once, with its place.
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism, hostname, tmpdir, totalmem } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { loadConfig, readConfig } from '../../src/config/load.ts'
import { ConfigError } from '../../src/config/problem.ts'
import { UsageError } from '../../src/model/fault.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'grapevine-config-'))
  mkdirSync(join(folder, 'tally.git'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const whole = `administrator: { name: Ada Operator, address: ada@example.org }
bot: { name: Grapevine, address: grapevine@example.org }
mail:
  maildir: ./outbox
farm:
  images:
    debian: { kind: debian, packages: [gcc, make] }
    busybox: { kind: busybox }
projects:
  tally:
    list: { address: tally-devel@example.org }
    sources:
      - { kind: mbox, path: ./mbox }
    repository: ./tally.git
    build:
      image: debian
    test:
      images: [debian, busybox]
      steps:
        - { name: strings, run: ./strings-test, timeout: 1.5 min, report: wine }
`

const write = (text: string | Uint8Array): string => {
  const file = join(folder, 'grapevine.yaml')
  writeFileSync(file, text)
  return file
}

/** The file with one piece of it replaced. */
const edited = (from: string, to: string): string => {
  expect(whole).toContain(from)
  return whole.replace(from, to)
}

const load = (text: string | Uint8Array, env: NodeJS.ProcessEnv = {}) =>
  loadConfig({ file: write(text), env })

/** The message of the ConfigError, without the folder. */
const complaint = async (text: string | Uint8Array, env: NodeJS.ProcessEnv = {}): Promise<string> => {
  const error: unknown = await load(text, env).catch(error => error)
  if (!(error instanceof ConfigError)) throw new Error('it loaded, or failed otherwise', { cause: error })
  return error.message.replaceAll(`${folder}/`, '')
}

test('a short file becomes a whole configuration, with defaults', async () => {
  expect(await load(whole)).toEqual({
    file: join(folder, 'grapevine.yaml'),
    data: join(folder, 'data'),
    administrator: { name: 'Ada Operator', address: 'ada@example.org' },
    bot: { name: 'Grapevine', address: 'grapevine@example.org' },
    mail: {
      live: false,
      out: { kind: 'maildir', path: join(folder, 'outbox') },
      dkim: undefined,
      inbox: [],
      caps: { thread: 10, author: 50, total: 1000 },
      lookForMs: undefined,
    },
    operators: ['ada@example.org'],
    redisUrl: undefined,
    databaseUrl: undefined,
    assemble: { quietMs: 10_000, deadlineMs: 86_400_000, partialMs: 1_800_000 },
    farm: {
      data: join(folder, 'data/farm'),
      slots: availableParallelism(),
      memoryMiB: Math.floor((totalmem() / 2 ** 20) * 0.75),
      pool: 1,
      reserveMiB: undefined,
      user: undefined,
      backup: { folder: join(folder, 'data/farm/backups'), keep: 3 },
      accelerator: 'auto',
      images: [
        {
          name: 'debian',
          kind: 'debian',
          packages: ['gcc', 'make'],
          memoryMiB: 1024,
          cpus: 1,
          diskMiB: 4096,
        },
        { name: 'busybox', kind: 'busybox', packages: [], memoryMiB: 256, cpus: 1, diskMiB: 0 },
      ],
      power: { afterMs: undefined, cooldownMs: 3_600_000, perDay: 3 },
      hosts: [],
    },
    notices: {
      ...{ hold: ['major'], everyMs: 86_400_000, gapMs: 3_600_000, bug: undefined },
      ...{ announceMs: 259_200_000, remindMs: 7_200_000 },
    },
    watch: {
      oldestMs: 43_200_000,
      stuckMs: 1_800_000,
      expiresMs: 1_209_600_000,
      settleMs: undefined,
      certificates: [],
    },
    web: {
      ...{ host: '127.0.0.1', port: 8080, url: undefined, hooks: [], metrics: 'token' },
      proxies: ['127.0.0.0/8', '::1'],
      login: { sessionMs: 14 * 86_400_000, submitters: [], github: undefined, oidc: undefined },
    },
    trackers: [],
    host: hostname(),
    projects: [
      {
        name: 'tally',
        list: { name: '', address: 'tally-devel@example.org' },
        listId: undefined,
        sources: [{ name: 'tally-mbox-1', since: undefined, kind: 'mbox', path: join(folder, 'mbox') }],
        listTags: [],
        recipe: {
          repository: join(folder, 'tally.git'),
          branch: 'main',
          build: { image: 'debian', prepare: [], steps: [], artifacts: [] },
          test: {
            images: ['debian', 'busybox'],
            steps: [{ name: 'strings', run: './strings-test', timeoutMs: 90_000, report: 'wine' }],
          },
          ignore: [],
        },
        branches: [],
        reply: { author: 'always', list: 'new-failures', unchanged: 'silent', digestAt: 360 },
        proof: {
          ...{ blame: 0.001, miss: 0.01, rate: 0.3, pairs: 100, stepPairs: 12, budgetMs: 7_200_000 },
          ...{ likely: 0.08, bases: 30, bisect: true, nightlyAt: undefined },
          alike: { authors: 3, withinMs: 7_200_000 },
        },
        trust: {
          firstTime: 'run',
          commands: {
            test: ['author'],
            retest: ['author'],
            cancel: ['author'],
            status: ['anyone'],
            help: ['anyone'],
          },
        },
      },
    ],
  })
})

test('nothing in it can be changed', async () => {
  const config = await load(whole)
  expect(() => Object.assign(config.projects[0]?.recipe.test.steps[0] ?? {}, { run: 'rm -r /' })).toThrow(
    TypeError,
  )
})

test('folders of the environment win', async () => {
  const config = await load(whole, { GRAPEVINE_DATA: '/var/a', GRAPEVINE_FARM_DATA: '/var/b' })
  expect([config.data, config.farm.data]).toEqual(['/var/a', '/var/b'])
  expect((await load(whole, { GRAPEVINE_DATA: '/var/a' })).farm.data).toBe('/var/a/farm')
})

test('without a name GRAPEVINE_CONFIG says which file', async () => {
  const file = write(whole)
  expect((await loadConfig({ env: { GRAPEVINE_CONFIG: file } })).file).toBe(file)
})

const repositories = [
  'https://example.org/tally.git',
  'ssh://git@example.org/tally.git',
  'git@example.org:tally.git',
]
test.each(repositories)('an address of a repository stays as it is: %s', async repository => {
  const config = await load(edited('./tally.git', repository))
  expect(config.projects[0]?.recipe.repository).toBe(repository)
})

test('a repository may come later, for those who say so', async () => {
  const text = edited('./tally.git', './later.git')
  const file = write(text)
  const config = await loadConfig({ file, env: {}, repositories: 'later' })
  expect(config.projects[0]?.recipe.repository).toBe(join(folder, 'later.git'))
})

const mistakes: [what: string, from: string, to: string, message: string][] = [
  [
    'an unknown key',
    'farm:\n',
    'frm: 1\nfarm:\n',
    'grapevine.yaml:5:1: frm: unknown key. Did you mean "farm"?',
  ],
  [
    'an unknown key deep inside',
    'run: ./',
    'rum: ./',
    `grapevine.yaml: 2 problems
  grapevine.yaml:20:11: projects.tally.test.steps[0].run: is missing
  grapevine.yaml:20:28: projects.tally.test.steps[0].rum: unknown key. Did you mean "run"?`,
  ],
  [
    'an unknown key like nothing',
    'farm:\n',
    'colour: red\nfarm:\n',
    'grapevine.yaml:5:1: colour: unknown key',
  ],
  [
    'a key of the other kind',
    'kind: busybox',
    'kind: busybox, disk: 1 GiB',
    'grapevine.yaml:8:31: farm.images.busybox.disk: this key goes with another kind',
  ],
  [
    'an unknown kind',
    'kind: busybox',
    'kind: busibox',
    'grapevine.yaml:8:22: farm.images.busybox.kind: must be one of debian, busybox, imported, libvirt. Did you mean "busybox"?',
  ],
  ['a missing key', 'image: debian', '{}', 'grapevine.yaml:16:7: projects.tally.build.image: is missing'],
  ['an empty value', './outbox', '', 'grapevine.yaml:4:3: mail.maildir: is missing'],
  [
    'a bad address',
    'ada@example.org',
    'ada',
    'grapevine.yaml:1:47: administrator.address: must be a mail address, like grapevine@example.org',
  ],
  [
    'a line break in a name',
    'name: Ada Operator',
    'name: "Ada\\nBcc: x"',
    'grapevine.yaml:1:24: administrator.name: a name must be one line, without control characters',
  ],
  [
    'a whole header for a list id',
    'list: { address: tally-devel@example.org }',
    'list: { address: tally-devel@example.org }\n    listId: Tally <tally-devel.example.org>',
    'grapevine.yaml:12:13: projects.tally.listId: must be what stands in the brackets of List-Id:, without them and without "@". Perhaps tally-devel.example.org; see the header of a mail of the list',
  ],
  [
    'the address of the list for its id',
    'list: { address: tally-devel@example.org }',
    'list: { address: tally-devel@example.org }\n    listId: tally-devel@example.org',
    'grapevine.yaml:12:13: projects.tally.listId: must be what stands in the brackets of List-Id:, without them and without "@". Perhaps tally-devel.example.org; see the header of a mail of the list',
  ],
  [
    'a bug tracker that is not there, and a resolution without a status',
    'list: { address: tally-devel@example.org }',
    'list: { address: tally-devel@example.org }\n    bugs: { tracker: bugs, rules: [{ on: landed, resolution: FIXED }] }',
    'grapevine.yaml: 2 problems\n  grapevine.yaml:12:22: projects.tally.bugs.tracker: there is no tracker "bugs" in trackers\n  grapevine.yaml:12:62: projects.tally.bugs.rules[0].resolution: needs a status beside it, one that is closed',
  ],
  [
    'the list for the bot',
    'address: tally-devel@example.org',
    'address: Grapevine@example.org',
    'grapevine.yaml:2:34: bot.address: is the list of tally: the bot needs an address of its own',
  ],
  [
    'a number for text',
    'path: ./mbox',
    'path: 5',
    'grapevine.yaml:13:29: projects.tally.sources[0].path: must be text, not a number: write it in quotes',
  ],
  [
    'text for a map',
    'list: { address: tally-devel@example.org }',
    'list: tally@example.org',
    'grapevine.yaml:11:11: projects.tally.list: must be a map of keys and values, not text',
  ],
  [
    'a map for a list',
    'images: [debian, busybox]',
    'images: { debian: 1 }',
    'grapevine.yaml:18:15: projects.tally.test.images: must be a list, not a map',
  ],
  [
    'a yes',
    'mail:\n',
    'mail:\n  live: yes\n',
    'grapevine.yaml:4:9: mail.live: must be true or false, not text',
  ],
  ['a half', 'farm:\n', 'farm:\n  slots: 1.5\n', 'grapevine.yaml:6:10: farm.slots: must be a whole number'],
  [
    'nothing at a time',
    'farm:\n',
    'farm:\n  slots: 0\n',
    'grapevine.yaml:6:10: farm.slots: must be at least 1',
  ],
  [
    'an unknown choice',
    'report: wine',
    'report: whine',
    'grapevine.yaml:20:75: projects.tally.test.steps[0].report: must be one of wine, tap, ktap, sparse, junit, ctest, automake, go, pytest, cargo, meson, pattern, exit-code. Did you mean "wine"?',
  ],
  [
    'a pattern of reports without its expressions',
    'report: wine',
    'report: pattern',
    'grapevine.yaml:20:11: projects.tally.test.steps[0].pattern: is missing: report: pattern needs its regular expressions',
  ],
  [
    'a span without unit',
    '1.5 min',
    '90',
    'grapevine.yaml:20:58: projects.tally.test.steps[0].timeout: must be a number with a unit (ms, s, min, h or d), like 20 s',
  ],
  [
    'a span in months',
    '1.5 min',
    '2 m',
    'grapevine.yaml:20:58: projects.tally.test.steps[0].timeout: must be a number with a unit (ms, s, min, h or d), like 20 s',
  ],
  [
    'a span too long',
    '1.5 min',
    '2 d',
    'grapevine.yaml:20:58: projects.tally.test.steps[0].timeout: must be between 1 s and 1 d',
  ],
  [
    'a size in decimal units',
    'kind: busybox',
    'kind: busybox, memory: 1 GB',
    'grapevine.yaml:8:39: farm.images.busybox.memory: must be a number with a unit (MiB or GiB), like 256 MiB',
  ],
  [
    'a size too small',
    'kind: busybox',
    'kind: busybox, memory: 8 MiB',
    'grapevine.yaml:8:39: farm.images.busybox.memory: must be between 64 MiB and 64 GiB',
  ],
  [
    'an image that is none',
    '[debian, busybox]',
    '[debian, busybx]',
    'grapevine.yaml:18:24: projects.tally.test.images[1]: there is no image "busybx" in farm.images. Did you mean "busybox"?',
  ],
  [
    'a build image that is none',
    'image: debian',
    'image: fedora',
    'grapevine.yaml:16:14: projects.tally.build.image: there is no image "fedora" in farm.images',
  ],
  [
    'a rule that names a step that is none',
    'report: wine }',
    'report: wine }\n      concerns:\n        - { paths: [src/*], steps: [strings, stings] }',
    'grapevine.yaml:22:46: projects.tally.test.concerns[0].steps[1]: there is no test step "stings". Did you mean "strings"?',
  ],
  [
    'a pattern that names no test',
    'report: wine }',
    "report: wine }\n      dependencies: { files: ['**/*.d'], target: 'tests/.*' }",
    'grapevine.yaml:21:50: projects.tally.test.dependencies.target: must have a group (?<test>…): what it matches is the name of the test',
  ],
  [
    'an image twice',
    '[debian, busybox]',
    '[debian, debian]',
    'grapevine.yaml:18:24: projects.tally.test.images[1]: "debian" is here already: names must differ',
  ],
  [
    'a package with options',
    '[gcc, make]',
    '[gcc, --make]',
    'grapevine.yaml:7:45: farm.images.debian.packages[1]: must be the name of a Debian package, like libc6-dev',
  ],
  [
    'two sources of one name',
    'path: ./mbox }',
    'path: ./mbox, name: a }\n      - { kind: mbox, path: ./b, name: a }',
    'grapevine.yaml:14:40: projects.tally.sources[1].name: "a" is the name of projects.tally.sources[0].name already',
  ],
  [
    'a name that is a default already',
    'path: ./mbox }',
    'path: ./mbox }\n      - { kind: mbox, path: ./b, name: tally-mbox-1 }',
    'grapevine.yaml:14:40: projects.tally.sources[1].name: "tally-mbox-1" is the name of projects.tally.sources[0] already',
  ],
  [
    'no image',
    '  images:\n    debian: { kind: debian, packages: [gcc, make] }\n    busybox: { kind: busybox }',
    '  images: {}',
    'grapevine.yaml:6:11: farm.images: there is no image: at least one is needed',
  ],
  [
    'a name that is no name',
    '  tally:',
    '  Tally Devel:',
    'grapevine.yaml:10:3: projects["Tally Devel"]: a name is made of a–z, 0–9, ".", "_" and "-" (64 at most), and begins with a letter or digit',
  ],
  [
    'a BMC whose password would go in the clear',
    'farm:',
    'farm:\n  hosts: { oak: { power: { kind: redfish, url: "http://bmc.example.org", user: u, password: { env: P } } } }',
    'grapevine.yaml:6:48: farm.hosts.oak.power.url: must begin with https://: a password goes there',
  ],
  [
    'a bug that is neither a number nor an address',
    'repository: ./tally.git',
    'repository: ./tally.git\n    bugs: { tracker: b, sync: { bugs: [7, x] } }',
    [
      'grapevine.yaml: 2 problems',
      '  grapevine.yaml:15:22: projects.tally.bugs.tracker: there is no tracker "b" in trackers',
      '  grapevine.yaml:15:43: projects.tally.bugs.sync.bugs[1]: must be a number or an address',
    ].join('\n'),
  ],
  [
    'nowhere to send',
    '  maildir: ./outbox',
    '  live: false',
    'grapevine.yaml:3:1: mail: must have exactly one of maildir and smtp; neither is here',
  ],
  [
    'two ways to send',
    './outbox',
    './outbox\n  smtp: { host: localhost }',
    'grapevine.yaml:3:1: mail: must have exactly one of maildir and smtp; both are here',
  ],
  [
    'a repository that is not there',
    './tally.git',
    './other.git',
    'grapevine.yaml:14:17: projects.tally.repository: there is no repository at other.git',
  ],
  [
    'a password in an address',
    './tally.git',
    'https://me:hunter2@example.org/t.git',
    'grapevine.yaml:14:17: projects.tally.repository: must not hold a password: let git’s credential helper or ssh know it',
  ],
  [
    'a repository that is a command',
    './tally.git',
    'ext::sh -c id',
    'grapevine.yaml:14:17: projects.tally.repository: must be a path or an address that git can fetch',
  ],
  [
    'an artifact from outside',
    'image: debian',
    'image: debian\n      artifacts: [../secret]',
    'grapevine.yaml:17:19: projects.tally.build.artifacts[0]: must be a path inside the source folder: not absolute, no "..", no "-" in front',
  ],
  [
    'a key twice',
    '  maildir: ./outbox',
    '  maildir: ./outbox\n  maildir: ./b',
    'grapevine.yaml:5:3: this key stands here for the second time',
  ],
  ['a tab', '  maildir', '\tmaildir', 'grapevine.yaml:4:1: a tab: yaml is indented with spaces only'],
  [
    'a second document',
    'bot:',
    '---\nbot:',
    'grapevine.yaml:2:1: a second document begins here (---): only one is read',
  ],
  ['a tag', 'ada@example.org', '!secret x', 'grapevine.yaml:1:47: unknown tag: plain values only'],
  [
    'an alias of nothing',
    'ada@example.org',
    '*ada',
    'grapevine.yaml:1:1: an alias (*name) has no anchor before it, or there are too many of them',
  ],
]

test.each(mistakes)('%s', async (_, from, to, message) => {
  expect(await complaint(edited(from, to))).toBe(message)
})

test('all mistakes are told at once, in order of place', async () => {
  const text = edited('ada@example.org', 'ada')
    .replace('kind: busybox', 'kind: bb')
    .replace('./tally.git', './x')
  expect(await complaint(text)).toBe(`grapevine.yaml: 3 problems
  grapevine.yaml:1:47: administrator.address: must be a mail address, like grapevine@example.org
  grapevine.yaml:8:22: farm.images.busybox.kind: must be one of debian, busybox, imported, libvirt
  grapevine.yaml:14:17: projects.tally.repository: there is no repository at x`)
})

test('files that are no configuration', async () => {
  expect(await complaint('')).toBe('grapevine.yaml:1:1: the file is empty')
  expect(await complaint('just words')).toBe('grapevine.yaml:1:1: must be a map of keys and values, not text')
  expect(await complaint(Uint8Array.of(0x61, 0x3a, 0xff))).toBe('grapevine.yaml: it is not UTF-8 text')
  await expect(loadConfig({ file: folder, env: {} })).rejects.toThrow(`${folder}: it is a folder`)
})

test('a file that is not there is a mistake of the person who starts it', async () => {
  const error = await loadConfig({ file: '/nowhere/g.yaml', env: {} }).catch(error => error)
  expect(error).toBeInstanceOf(UsageError)
  expect(error.message).toBe('/nowhere/g.yaml: there is no such file')
})

const smtp = (password: string) =>
  edited('  maildir: ./outbox', `  smtp: { host: mail.example.org, user: bot, password: ${password} }`)

const passwordOf = async (text: string, env: NodeJS.ProcessEnv = {}) => {
  const { out } = (await load(text, env)).mail
  return out.kind === 'smtp' && out.login && 'password' in out.login ? out.login.password : undefined
}

test('a secret comes from the environment or from a file', async () => {
  expect((await passwordOf(smtp('{ env: PW }'), { PW: 'hunter2' }))?.reveal()).toBe('hunter2')
  writeFileSync(join(folder, 'pw'), 'hunter3\n', { mode: 0o600 })
  expect((await passwordOf(smtp('{ file: ./pw }')))?.reveal()).toBe('hunter3')
})

test('who only looks things up needs no secret', async () => {
  const file = write(smtp('{ env: PW }'))
  const { mail } = await loadConfig({ file, env: {}, secrets: 'later' })
  const login = mail.out.kind === 'smtp' ? mail.out.login : undefined
  const use = () => login && 'password' in login && login.password.reveal()
  expect(use).toThrow('mail.smtp.password: the environment variable PW is not set')
})

test('a secret is never printed', async () => {
  const env = { PW: 'hunter2', REDIS_URL: 'redis://:hunter2@h', DATABASE_URL: 'postgres://a:hunter2@h/d' }
  const config = await load(smtp('{ env: PW }'), env)
  const prints = [
    JSON.stringify(config),
    inspect(config, { depth: 9, showHidden: true }),
    `${config.redisUrl}`,
  ]
  expect(prints.join('\n')).not.toContain('hunter2')
  expect(`${config.databaseUrl}`).toBe('***')
  expect(config.databaseUrl?.reveal()).toBe('postgres://a:hunter2@h/d')
})

const badSecrets: [what: string, password: string, message: string][] = [
  [
    'in the file itself',
    'hunter2',
    'a secret must not stand in this file: put it into an environment variable and write { env: NAME }, or into a file and write { file: PATH }',
  ],
  [
    'as a number',
    '12345',
    'a secret must not stand in this file: put it into an environment variable and write { env: NAME }, or into a file and write { file: PATH }',
  ],
  ['in two places', '{ env: A, file: B }', 'must be { env: NAME } or { file: PATH }, one of the two'],
  ['in a variable that is not set', '{ env: PW }', 'the environment variable PW is not set'],
  ['in a file that is not there', '{ file: ./none }', 'none is not there'],
]
test.each(badSecrets)('a secret %s is refused', async (_, password, message) => {
  expect(await complaint(smtp(password))).toBe(`grapevine.yaml:4:56: mail.smtp.password: ${message}`)
})

test('a password without a user is refused', async () => {
  expect(await complaint(smtp('{ env: PW }').replace('user: bot, ', ''), { PW: 'x' })).toBe(
    'grapevine.yaml:4:45: mail.smtp.password: a password needs a user beside it',
  )
})

test('a secret that everybody can read is warned of', async () => {
  const file = join(folder, 'pw')
  writeFileSync(file, 'hunter2\n')
  chmodSync(file, 0o644)
  const { warnings } = await readConfig({ file: write(smtp('{ file: ./pw }')), env: {} })
  expect(warnings).toEqual([
    `mail.smtp.password: everybody on this host can read ${file}. Mend it: chmod o= ${file}`,
  ])
  chmodSync(file, 0o600)
  expect((await readConfig({ file: write(smtp('{ file: ./pw }')), env: {} })).warnings).toEqual([])
})

test('bad addresses of services are told without their passwords', async () => {
  expect(await complaint(whole, { REDIS_URL: 'hunter2', DATABASE_URL: 'mysql://hunter2' })).toBe(
    `grapevine.yaml: 2 problems
  grapevine.yaml: REDIS_URL: this environment variable must look like redis://host:6379, or be the path of a unix socket
  grapevine.yaml: DATABASE_URL: this environment variable must look like postgres://user@host/database`,
  )
})

test('GitHub, log-ins and webhooks: secrets are found where they are said to be, and a host of its own is wanted', async () => {
  const more = `${whole}
github: { app: 7, key: { env: GH_KEY }, secret: { env: GH_SECRET } }
keepLogs: 30 d
web:
  url: https://grapevine.example.org/
  login: { oidc: { issuer: 'https://login.example.org', client: gv, secret: { env: OIDC }, operators: ['@example.org'] } }
  hooks: [{ name: board, url: 'https://board.example.org/in', secret: { env: HOOK } }]
`
  const env = { GH_KEY: 'pem', GH_SECRET: 'hush', OIDC: 'shh', HOOK: 'psst' }
  const config = await load(more, env)
  expect(config.github).toMatchObject({ id: 7, api: 'https://api.github.com', site: 'https://github.com' })
  expect(config.github?.secret.reveal()).toBe('hush')
  expect(config.web).toMatchObject({ url: 'https://grapevine.example.org', metrics: 'token' })
  expect(config.web.login.oidc?.secret.reveal()).toBe('shh')
  expect(config.web.hooks.map(({ secret, events }) => [secret.reveal(), events.length])).toEqual([
    ['psst', 4],
  ])
  expect(config.keepLogsMs).toBe(30 * 86_400_000)
  await expect(load(more.replace('example.org/\n', 'example.org/pages\n'), env)).rejects.toThrow(
    /a host of its own/,
  )
})
