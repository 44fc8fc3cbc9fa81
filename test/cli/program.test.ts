// What the help says of each command: sentences are broken by the terminal's width alone.
import type { Command } from 'commander'
import { expect, test } from 'vitest'
import type { CliDeps } from '../../src/cli/deps.ts'
import { program } from '../../src/cli/program.ts'

const deps = { env: {}, stdout: process.stdout, stderr: process.stderr } as unknown as CliDeps

const everyCommand = (command: Command): Command[] => [command, ...command.commands.flatMap(everyCommand)]

test('no description breaks a sentence by itself', async () => {
  const stubs = await program([], deps, '0')
  const names = stubs.commands.map(command => command.name())
  const commands = everyCommand(await program(names, deps, '0'))
  expect(commands.length).toBeGreaterThan(80)
  const broken = commands.filter(command => /[^.:\n]\n\S/.test(command.description()))
  expect(broken.map(command => command.name())).toEqual([])
})
