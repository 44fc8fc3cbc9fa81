// The doctor's look at the power switches of hosts.
import type { Config, PowerConfig } from '../../config/config.ts'
import { type Check, fine } from './check.ts'

const deadlineMs = 75_000

const wayOf = (power: PowerConfig): string => {
  if (power.kind === 'ipmi') return `IPMI at ${power.host}`
  if (power.kind === 'redfish') return `Redfish at ${new URL(power.url).host}`
  return `\`${power.run[0]}\``
}

export const powerChecks = (config: Config): Check[] =>
  config.farm.hosts.flatMap(({ name, power }) =>
    power === undefined
      ? []
      : [
          {
            name: `power of ${name}`,
            deadlineMs,
            ask: async () => {
              const { openPower } = await import('../../wiring/power.ts')
              return fine(`${await openPower(power).status()}, says ${wayOf(power)}`)
            },
          },
        ],
  )
