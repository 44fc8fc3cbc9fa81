// The power switch of a host that only a command of the operator's own knows how to reach.
import { Fault } from '../../model/fault.ts'
import type { Millis } from '../../model/instant.ts'
import type { Power } from '../../ports/power.ts'
import { oneLine } from '../../text/clean.ts'
import { lastWords, switchBy } from './program.ts'

const defaultTimeoutMs: Millis = 120_000

/** `run`: program and arguments; status, on, off or cycle is added. Exit code 0: it was done. */
export const commandPower = ({
  run,
  timeoutMs = defaultTimeoutMs,
}: {
  run: string[]
  timeoutMs?: Millis
}): Power => {
  const ask = async (word: string): Promise<string> => {
    const remedy = 'check farm.hosts in the configuration: the first word of `run` is the program'
    const ended = await switchBy([...run, word], { timeoutMs, remedy })
    const said = `power command \`${run[0]} … ${word}\``
    if (ended.code !== 0)
      throw new Fault('refused', 'later', `${said}: exit code ${ended.code}: ${lastWords(ended)}`, {
        remedy: 'run it by hand, as the same user',
      })
    return ended.stdout
  }
  return {
    async status() {
      const said = (await ask('status')).trim().toLowerCase()
      if (said === 'on' || said === 'off') return said
      throw new Fault('malformed', 'never', `power command: status said "${oneLine(said, 60)}"`, {
        remedy: 'it must print on or off, and nothing else',
      })
    },
    act: async act => void (await ask(act)),
  }
}
