// The power switch of a host with a BMC that speaks IPMI 2.0 over the network (RMCP+), by the program ipmitool.
// Its answers are read as ipmitool 1.8.19 gives them with -v, without which a wrong password looks like nobody there.
import { Fault } from '../../model/fault.ts'
import type { Millis } from '../../model/instant.ts'
import type { PowerAct } from '../../model/power.ts'
import type { Power } from '../../ports/power.ts'
import { type Ended, lastWords, switchBy } from './program.ts'

export type Ipmi = {
  host: string
  /** UDP. */
  port: number
  user: string
  /** Asked for at each call. */
  password: () => string
  /** Cipher suite; undefined: what ipmitool chooses. */
  cipher: number | undefined
  /** Default: ipmitool, in the PATH. */
  program?: string
  /** Of one packet, and how many are sent. */
  patience?: { answerS: number; tries: number }
}

const timeoutMs: Millis = 60_000

/** IPMI 2.0 §13.17: lanplus takes at most 20 bytes. */
const longestPassword = 20

export const ipmiPower = ({
  host,
  port,
  user,
  password,
  cipher,
  program = 'ipmitool',
  patience = { answerS: 3, tries: 4 },
}: Ipmi): Power => {
  const place = `IPMI ${host}${port === 623 ? '' : `:${port}`}`
  const ask = async (word: 'status' | PowerAct): Promise<string> => {
    const secret = password()
    if (Buffer.byteLength(secret) > longestPassword)
      throw new Fault('refused', 'never', `${place}: the password is longer than ${longestPassword} bytes`, {
        remedy: 'IPMI 2.0 knows none that is longer: give the BMC a shorter one',
      })
    const wait = ['-N', `${patience.answerS}`, '-R', `${patience.tries}`]
    const suite = cipher === undefined ? [] : ['-C', `${cipher}`]
    const to = ['-I', 'lanplus', '-H', host, '-p', `${port}`, '-U', user, '-E', ...suite, ...wait]
    const ended = await switchBy([program, ...to, '-v', 'chassis', 'power', word], {
      // The newer name wins over the older one.
      env: { IPMI_PASSWORD: secret, IPMITOOL_PASSWORD: secret },
      timeoutMs,
      remedy: 'install ipmitool',
    })
    if (ended.code !== 0) throw refusal(place, word, ended)
    return ended.stdout
  }
  const status = async (): Promise<'on' | 'off'> => {
    const said = await ask('status')
    const state = /^Chassis Power is (on|off)\s*$/m.exec(said)?.[1]
    if (state === 'on' || state === 'off') return state
    throw new Fault('malformed', 'never', `${place}: ipmitool gave no power state`)
  }
  return {
    status,
    async act(act) {
      // A BMC refuses to cycle what is off (IPMI 2.0 §28.3).
      const word = act === 'cycle' && (await status()) === 'off' ? 'on' : act
      await ask(word)
    },
  }
}

const meanings: [RegExp, Fault['kind'], string, string][] = [
  [/RAKP 2 HMAC is invalid/, 'refused', 'the password is wrong', 'check farm.hosts: password'],
  [
    /unauthorized name/,
    'refused',
    'there is no such user',
    'check farm.hosts: user, and its rights in the BMC',
  ],
  [
    /invalid (?:authentication|integrity|confidentiality) algorithm|no matching cipher/i,
    'refused',
    'it does not take this cipher suite',
    'check farm.hosts: cipher; most take 17 or 3',
  ],
  [
    /insufficient privilege/i,
    'refused',
    'the user may not do this',
    'give the user the right Operator or Administrator in the BMC',
  ],
  [/Address lookup for \S+ failed/, 'unreachable', 'there is no such host', 'check farm.hosts: host'],
  [
    /Get Auth Capabilities error|Unable to establish/,
    'unreachable',
    'no answer',
    'check that the BMC has power and network, that UDP gets there, and that IPMI over LAN is switched on in it',
  ],
]

const refusal = (place: string, word: string, ended: Ended): Fault => {
  const all = `${ended.stderr}\n${ended.stdout}`
  const found = meanings.find(([sign]) => sign.test(all))
  if (!found) return new Fault('refused', 'later', `${place}: power ${word}: ${lastWords(ended)}`)
  const [, kind, words, remedy] = found
  return new Fault(kind, 'later', `${place}: ${words}`, { remedy })
}
