// The command as people start it: help, refusals and exit codes of bin/grapevine.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { smallYaml } from './small.ts'

const bin = new URL('../../bin/grapevine', import.meta.url).pathname

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'grapevine-cli-'))
  mkdirSync(join(folder, 'tally.git'))
  writeFileSync(join(folder, 'good.yaml'), good)
  writeFileSync(join(folder, 'bad.yaml'), good.replace('bot:', 'bott:'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const good = smallYaml()

const grapevine = (args: string[], env: NodeJS.ProcessEnv = {}) => {
  const { PATH, HOME } = process.env
  const { status, stdout, stderr } = spawnSync(bin, args, {
    cwd: folder,
    env: { PATH, HOME, ...env },
    encoding: 'utf8',
  })
  return { status, stdout, stderr }
}

/** Names of the commands that a help text lists. */
const listed = (help: string): string[] => {
  const [, commands = ''] = help.split('\nCommands:\n')
  const names = commands.split('\n\n')[0]?.matchAll(/^ {2}(\w[\w-]*)/gm) ?? []
  return [...names].map(([, name = '']) => name).filter(name => name !== 'help')
}

type Help = { names: string } & ReturnType<typeof grapevine>

/** The help of every command below one. */
const everyHelp = (above: Help): Help[] =>
  listed(above.stdout).flatMap(name => {
    const names = `${above.names} ${name}`.trim()
    const help = { names, ...grapevine([...names.split(' '), '--help']) }
    return [help, ...everyHelp(help)]
  })

test('every command has help with an example', () => {
  const commands = everyHelp({ names: '', ...grapevine(['--help']) })
  expect(commands.map(({ names }) => names)).toEqual(
    expect.arrayContaining([
      'demo',
      'start',
      'worker',
      'replay',
      'submit',
      'doctor',
      'config check',
      'mail show',
    ]),
  )
  for (const { names, status, stdout, stderr } of commands) {
    expect({ names, status, stderr }).toEqual({ names, status: 0, stderr: '' })
    expect(stdout).toContain(`Usage: grapevine ${names}`)
    expect(stdout).toMatch(/\nExamples?:\n {2}\$ /)
    expect(stdout).toContain('--config <file>')
    // Commander takes an option for a flag unless the name of its value stands in brackets.
    expect(stdout).not.toMatch(/^ +--[\w-]+ [A-Z]+ /m)
  }
})

test('the version is that of package.json', () => {
  expect(grapevine(['--version'])).toEqual({ status: 0, stdout: '0.1.0\n', stderr: '' })
})

test('without a command it shows its help, and that is not what was wanted', () => {
  const { status, stderr } = grapevine([])
  expect(status).toBe(64)
  expect(stderr).toMatch(/^Usage: grapevine COMMAND/)
})

const refusals: [args: string[], message: string][] = [
  [['dome'], "grapevine: unknown command 'dome'\n(Did you mean demo?)\nSee: grapevine --help\n"],
  [
    ['config', 'chek'],
    "grapevine: unknown command 'chek'\n(Did you mean check?)\nSee: grapevine config --help\n",
  ],
  [
    ['doctor', '--jsn'],
    "grapevine: unknown option '--jsn'\n(Did you mean --json?)\nSee: grapevine doctor --help\n",
  ],
  [
    ['config', 'check', '--config'],
    "grapevine: option '--config <file>' argument missing\nSee: grapevine --help\n",
  ],
]
test.each(refusals)('%j is refused', (args, stderr) => {
  expect(grapevine(args)).toEqual({ status: 64, stdout: '', stderr })
})

test('a missing configuration is named, with what to do', () => {
  expect(grapevine(['config', 'check'])).toEqual({
    status: 78,
    stdout: '',
    stderr:
      'grapevine: grapevine.yaml: there is no such file\n' +
      'Name it with --config FILE or GRAPEVINE_CONFIG, or write one: docs/configuring.md shows how.\n',
  })
})

test('a bad configuration is told with its places, and no stack trace', () => {
  const { status, stderr } = grapevine(['config', 'check', '--config', 'bad.yaml'])
  expect(status).toBe(78)
  expect(stderr).toBe(`grapevine: bad.yaml: 2 problems
  bad.yaml:1:1: bot: is missing
  bad.yaml:2:1: bott: unknown key. Did you mean "bot"?
`)
})

test('--debug adds the stack trace', () => {
  expect(grapevine(['config', 'check', '--config', 'bad.yaml', '--debug']).stderr).toMatch(/\n {4}at /)
})

test('--config stands before or after the command, or in the environment', () => {
  const first = grapevine(['--config', 'good.yaml', 'config', 'check'])
  expect(first).toMatchObject({ status: 0, stderr: '' })
  expect(first.stdout).toContain('only (mail.live is false)')
  expect(grapevine(['config', 'check', '--config', 'good.yaml'])).toEqual(first)
  expect(grapevine(['config', 'check'], { GRAPEVINE_CONFIG: 'good.yaml' })).toEqual(first)
})

type Finding = { name: string; ok: boolean; says: string; remedy: string | null }

test('an option that may be given several times does not take the argument behind it for one of its values', () => {
  const ids = ['--message-id', '<nobody-1@example.org>', '--message-id', '<nobody-2@example.org>']
  const { status, stderr } = grapevine([
    ...['replay', '--config', 'good.yaml', ...ids],
    join(import.meta.dirname, '../../examples/demo/mailbox.mbox'),
  ])
  expect(stderr).toContain('the archive has no mail <nobody-1@example.org>')
  expect(status).toBe(64)
})

test('doctor looks at everything, says what is wrong and how to mend it', () => {
  const env = { REDIS_URL: 'redis://127.0.0.1:1', DATABASE_URL: 'postgres://a:hunter2@127.0.0.1:1/x' }
  const { status, stdout } = grapevine(['doctor', '--json', '--config', 'good.yaml'], env)
  expect(status).toBe(1)
  expect(stdout).not.toContain('hunter2')
  const findings: Finding[] = stdout
    .trim()
    .split('\n')
    .map(line => JSON.parse(line))
  const failed = new Map(findings.filter(one => !one.ok).map(({ name, ...rest }) => [name, rest]))
  expect(failed.get('Redis')).toEqual({
    ok: false,
    says: 'Redis at 127.0.0.1:1: connect ECONNREFUSED 127.0.0.1:1',
    remedy: 'see that Redis runs',
  })
  expect(failed.get('database')?.says).toBe('database 127.0.0.1:1/x: connect ECONNREFUSED 127.0.0.1:1')
  expect(failed.get('repository of tally')?.says).toContain(join(folder, 'tally.git'))
  expect(failed.get('image busybox')?.remedy).toContain('grapevine image build')
  expect(findings.find(one => one.name === 'configuration')?.ok).toBe(true)
  expect(findings.find(one => one.name === 'mail out')?.remedy).toContain('mail.live: true')
  expect(findings.find(one => one.name === 'mail of tally')?.says).toContain('nobody reads it')
})

test('doctor goes on without a configuration', () => {
  const { status, stdout } = grapevine(['doctor'])
  expect(status).toBe(1)
  expect(stdout).toMatch(/^FAIL configuration: grapevine.yaml: there is no such file\n/)
  expect(stdout).toContain('\nok   Node.js: ')
})

test.each([
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)('%s ends a command that waits, with exit code %i', async (signal, code) => {
  const silent = createServer(() => {}).listen(0, '127.0.0.1')
  await once(silent, 'listening')
  const address = silent.address()
  const port = typeof address === 'object' ? address?.port : undefined
  const child = spawn(bin, ['doctor', '--config', join(folder, 'good.yaml')], {
    env: { ...process.env, REDIS_URL: `redis://127.0.0.1:${port}` },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const errors: Buffer[] = []
  child.stderr.on('data', chunk => errors.push(chunk))
  child.stdout.once('data', () => child.kill(signal))
  const [left] = await once(child, 'close')
  silent.close()
  expect([left, Buffer.concat(errors).toString()]).toEqual([code, `grapevine: stopped by ${signal}\n`])
})

test('a reader that goes away is no error', async () => {
  const child = spawn(bin, ['config', 'schema'], { stdio: ['ignore', 'pipe', 'pipe'] })
  child.stdout.destroy()
  const errors: Buffer[] = []
  child.stderr.on('data', chunk => errors.push(chunk))
  const [code] = await once(child, 'close')
  expect([code, Buffer.concat(errors).toString()]).toEqual([0, ''])
})
