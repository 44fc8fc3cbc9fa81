// The power switches of the configuration's hosts, and the loop that uses them by itself.
import { readFile } from 'node:fs/promises'
import { commandPower } from '../adapters/power/command.ts'
import { ipmiPower } from '../adapters/power/ipmi.ts'
import { redfishPower } from '../adapters/power/redfish.ts'
import type { Config, PowerConfig } from '../config/config.ts'
import type { Power } from '../ports/power.ts'
import { type PowerMemory, tendPower as tend } from '../stages/power/auto.ts'
import { type HostWatch, isHeardOf, silenceOf } from '../stages/upkeep/hosts.ts'
import { errnoFault } from '../text/errno.ts'
import { openAlarm } from './alarm.ts'
import { sendAlert } from './alert.ts'
import type { Wired } from './wire.ts'

/** Connects to nothing yet. The password and the file of the authority are read at each use. */
export const openPower = (given: PowerConfig): Power => {
  if (given.kind === 'command') return commandPower(given)
  const password = () => given.password.reveal()
  if (given.kind === 'ipmi') return ipmiPower({ ...given, password })
  const { ca: file } = given
  const open = async () => {
    const ca =
      file &&
      (await readFile(file, 'utf8').catch(error => Promise.reject(errnoFault(error, 'authority', file))))
    return redfishPower({ ...given, password, ca })
  }
  return { status: async () => (await open()).status(), act: async act => (await open()).act(act) }
}

/** undefined: its power cannot be switched. */
export const powerOf = ({ farm }: Pick<Config, 'farm'>, host: string): Power | undefined => {
  const power = farm.hosts.find(({ name }) => name === host)?.power
  return power && openPower(power)
}

/** Does nothing, and asks nothing of the store, where no host has a switch. */
export const tendPower = async (
  wired: Pick<Wired, 'config' | 'store' | 'queue' | 'clock' | 'log'>,
  { watch, memory }: { watch: HostWatch; memory: PowerMemory },
): Promise<void> => {
  const { config, store, clock, log } = wired
  if (config.farm.hosts.every(({ power }) => power === undefined)) return
  await tend(
    {
      ...{ store, clock, log, policy: config.farm.power },
      alarmOf: host => openAlarm(wired, host),
      powerOf: host => powerOf(config, host),
      silentMs: host => silenceOf(watch, host),
      isHeard: host => isHeardOf(watch, host),
      tell: alert => sendAlert(wired, alert),
    },
    memory,
  )
}
