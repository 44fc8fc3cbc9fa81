// OpenIPMI's simulator of a BMC, on a free UDP port of loopback: IPMI over LAN with one user, and a chassis that keeps its power in a file.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from './loopback.ts'

export type IpmiSim = {
  port: number
  user: string
  password: string
  /** What the chassis was told, in order: `set power 0`. */
  told(): string[]
  /** Its power, as a button would set it. */
  press(power: 'on' | 'off'): void
  stop(): Promise<void>
}

const configuration = (folder: string, port: number): string => `name "bmc"
set_working_mc 0x20
  startlan 1
    addr 127.0.0.1 ${port}
    priv_limit admin
    allowed_auths_callback md5
    allowed_auths_user md5
    allowed_auths_operator md5
    allowed_auths_admin md5
    guid a123456789abcdefa123456789abcdef
  endlan
  chassis_control "${folder}/chassis"
  user 1 true "" "test" user 10 md5
  user 2 true "olga" "Lantern7" admin 10 md5
`

const chassis = (folder: string): string => `#!/bin/sh
echo "$*" >> ${folder}/told
case "$1" in
get) echo "power:$(cat ${folder}/power)" ;;
set) [ "$2" = power ] && echo "$3" > ${folder}/power ;;
esac
exit 0
`

const emulator = `mc_setbmc 0x20
mc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02 persist_sdr
mc_enable 0x20
`

/** proc(5): addresses and ports in hexadecimal. */
const listens = (port: number): boolean =>
  readFileSync('/proc/net/udp', 'utf8').includes(`:${port.toString(16).toUpperCase().padStart(4, '0')} `)

/** Resolves when it listens. */
export const startIpmiSim = async (): Promise<IpmiSim> => {
  const folder = mkdtempSync(join(tmpdir(), 'grapevine-ipmi-'))
  const port = await freePort()
  mkdirSync(join(folder, 'state'))
  writeFileSync(join(folder, 'lan.conf'), configuration(folder, port))
  writeFileSync(join(folder, 'sim.emu'), emulator)
  writeFileSync(join(folder, 'chassis'), chassis(folder))
  chmodSync(join(folder, 'chassis'), 0o755)
  writeFileSync(join(folder, 'power'), '1\n')
  const args = ['-c', `${folder}/lan.conf`, '-f', `${folder}/sim.emu`, '-s', `${folder}/state`, '-n']
  const child = spawn('ipmi_sim', args, { stdio: 'ignore' })
  const over = once(child, 'exit')
  // What it says of itself stays in a buffer: that it listens is seen from outside.
  while (!listens(port)) {
    if (child.exitCode !== null) throw new Error(`ipmi_sim ended with ${child.exitCode}`)
    await sleep(20)
  }
  const told = join(folder, 'told')
  return {
    ...{ port, user: 'olga', password: 'Lantern7' },
    told: () =>
      existsSync(told)
        ? readFileSync(told, 'utf8')
            .split('\n')
            .filter(line => line.startsWith('set '))
        : [],
    press: power => writeFileSync(join(folder, 'power'), power === 'on' ? '1\n' : '0\n'),
    async stop() {
      child.kill('SIGKILL')
      await over
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
