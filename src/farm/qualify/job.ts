// The known job: what a canary guest computes, keeps in memory, writes to its disk and reads back. Its results are known before it starts.
import type { Command } from '../../ports/farm.ts'
import { sha256 } from '../../text/digest.ts'

/** Where the job's bytes are in the guest, and what they must be. */
export type Known = {
  /** First of the numbers that the bytes are made of: each job has its own, so that no older bytes can pass for them. */
  from: number
  /** A file, or the whole disk as a device. */
  disk: string
}

/** The code that the check ends with when all is right: none that anything else would end with. */
export const rightCode = 42

const memory = '/run/grapevine-job'
/** Lines of nine digits: half a million bytes, no two pages alike. */
const lines = 50_000
const bytes = lines * 10
const pattern = 4 << 20
const cpuRounds = 3000
const timeoutMs = 120_000

/** Numbers that leave room for two lists of them and stay nine digits long. */
export const anyFrom = (random: () => number = Math.random): number =>
  100_000_000 + Math.floor(random() * (900_000_000 - 2 * lines))

const numbers = (from: number): string =>
  Array.from({ length: lines }, (_, index) => `${from + index}\n`).join('')

/** Digests of the bytes in memory and of those on the disk. */
export const digestsOf = ({ from }: Known): { memory: string; disk: string } => ({
  memory: sha256(numbers(from)),
  disk: sha256(numbers(from + lines)),
})

/** A linear congruential generator (ISO C, rand): exact 64-bit arithmetic or another end. */
const cpuResult = (): number => {
  let x = 1n
  for (let round = 0; round < cpuRounds; round++) x = (x * 1103515245n + 12345n) % 2147483648n
  return Number(x)
}

const expect = (what: string, got: string, wanted: string | number): string =>
  `got=$(${got}); [ "\${got%% *}" = ${wanted} ] || { echo "${what}: $got instead of ${wanted}"; exit 1; }`

const plant = ({ from, disk }: Known): string =>
  `mkdir -p ${memory} &&
   seq ${from} ${from + lines - 1} > ${memory}/numbers &&
   seq ${from + lines} ${from + 2 * lines - 1} > ${disk} && sync || { echo 'the bytes cannot be written'; exit 1; }`

/** The disk's bytes come from the disk: the guest's cache is emptied before. */
const readBack = (known: Known): string => {
  const digests = digestsOf(known)
  return [
    expect('bytes in memory', `sha256sum < ${memory}/numbers`, digests.memory),
    'echo 3 > /proc/sys/vm/drop_caches',
    expect('bytes on the disk', `head -c ${bytes} ${known.disk} | sha256sum`, digests.disk),
  ].join('\n')
}

const wholeJob = (known: Known): string => {
  const patterns = Buffer.concat([Buffer.alloc(pattern, 0x55), Buffer.alloc(pattern, 0xaa)])
  return [
    expect(
      'arithmetic',
      `x=1; i=0; while [ $i -lt ${cpuRounds} ]; do x=$(( (x * 1103515245 + 12345) % 2147483648 )); i=$((i + 1)); done; echo $x`,
      cpuResult(),
    ),
    plant(known),
    `head -c ${pattern} /dev/zero | tr '\\000' '\\125' > ${memory}/pattern
     head -c ${pattern} /dev/zero | tr '\\000' '\\252' >> ${memory}/pattern`,
    expect('a pattern in memory', `sha256sum < ${memory}/pattern`, sha256(patterns)),
    `rm ${memory}/pattern`,
    readBack(known),
    `before=$(date +%s); sleep 1; passed=$(( $(date +%s) - before ))
     [ $passed -ge 1 ] && [ $passed -le 60 ] || { echo "clock: one second took $passed s"; exit 1; }`,
  ].join('\n')
}

const command = (name: string, script: string): Command => ({ name, script, folder: '/', timeoutMs })

/** Exit code 0, or one line of what was wrong. Arithmetic, memory, disk and clock. */
export const jobOf = (known: Known): Command => command('the known job', wholeJob(known))

/** Puts the bytes there, nothing else. */
export const plantingOf = (known: Known): Command => command('known bytes', plant(known))

/** Ends with `rightCode`, or with one line of what was wrong. */
export const checkOf = (known: Known): Command =>
  command('the check', `${readBack(known)}\nexit ${rightCode}`)

/** Writes to memory and disk until it is ended. */
export const scribbleOf = ({ disk }: Known): Command =>
  command(
    'scribbling',
    `while :; do seq 1 ${lines} > ${memory}/numbers; seq 1 ${lines} > ${disk}; sync; done`,
  )
