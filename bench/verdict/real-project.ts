// A small real project for the bench on real guests: tests that fail at the rate that stands in their file, and patches that change it.
// Its history, its list's mailbox and a configuration are written into a folder.
import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseDocument } from 'yaml'
import { type Random, randomFrom } from './world.ts'

export const unitCount = 60

export type RealSeries = {
  messageId: string
  /** The unit that it changes, and the rate at which it makes it fail; 0: it breaks nothing. */
  unit: string
  rate: number
}

export const unitName = (n: number): string => `u${String(n).padStart(3, '0')}`

const unit = (rate: number): string => `rate ${rate}\nnote a unit of the bench\nwidth 80\nheight 24\n`

/** Each test throws dice of the guest's own, and fails so many times of a thousand. TAP. */
const runner = `#!/bin/sh
cd "$(dirname "$0")" || exit 2
[ $# -gt 0 ] || set -- $(ls units)
echo "1..$#"
n=0 bad=0
for name; do
  n=$((n + 1))
  rate=$(sed -n 's/^rate //p' "units/$name")
  dice=$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')
  if [ $((dice % 1000)) -lt "$rate" ]; then
    bad=1
    echo "not ok $n $name"
    echo "  ---"
    echo "  message: gave way"
    echo "  ..."
  else
    echo "ok $n $name"
  fi
done
exit $bad
`

const git = (folder: string, ...args: string[]): string =>
  execFileSync('git', ['-c', 'init.defaultBranch=main', '-c', 'commit.gpgsign=false', ...args], {
    cwd: folder,
    encoding: 'utf8',
    env: {
      PATH: process.env.PATH,
      GIT_CONFIG_GLOBAL: '/dev/null',
      GIT_CONFIG_SYSTEM: '/dev/null',
      GIT_AUTHOR_NAME: 'Max Maintainer',
      GIT_AUTHOR_EMAIL: 'max@example.org',
      GIT_COMMITTER_NAME: 'Max Maintainer',
      GIT_COMMITTER_EMAIL: 'max@example.org',
      GIT_AUTHOR_DATE: '2026-01-05T10:00:00Z',
      GIT_COMMITTER_DATE: '2026-01-05T10:00:00Z',
    },
  })

/** By name; per mille. */
const flakyUnits = (random: Random): Map<string, number> => {
  const rates = [20, 100, 300, 600]
  const found = new Map<string, number>()
  for (const rate of rates) found.set(unitName(Math.floor(random() * unitCount)), rate)
  return found
}

const rateOf = (random: Random): number => (random() < 0.15 ? (random() < 2 / 3 ? 1000 : 300) : 0)

/** One mail as `git format-patch` writes it, by an author of its own. */
const mailOf = (folder: string, n: number, messageId: string): string => {
  const author = `Author ${n % 40} <author${n % 40}@example.com>`
  git(folder, 'commit', '-q', '-a', '--author', author, '-m', `units: change number ${n}`)
  const text = git(folder, 'format-patch', '-1', '--stdout', '--base=HEAD~1')
  git(folder, 'reset', '-q', '--hard', 'HEAD~1')
  const date = new Date(Date.UTC(2026, 0, 6, 10, n)).toUTCString().replace('GMT', '+0000')
  return text
    .replace(/^From [0-9a-f]+ .*\n/, `From ${messageId.slice(1, -1)} Tue Jan  6 10:00:00 2026\n`)
    .replace(/^Date: .*$/m, `Date: ${date}\nMessage-ID: ${messageId}\nTo: bench-devel@example.org`)
}

const configuration = (folder: string, farm: string, mapped: string[]): string => {
  const document = parseDocument(
    readFileSync(fileURLToPath(new URL('../../examples/demo/grapevine.yaml', import.meta.url)), 'utf8'),
  )
  document.set('data', join(folder, 'data'))
  document.setIn(['mail', 'maildir'], join(folder, 'outbox'))
  document.setIn(['mail', 'caps'], { thread: 1000, author: 1000, total: 100_000 })
  document.setIn(['farm', 'data'], farm)
  document.set('projects', {
    bench: {
      list: { name: 'Bench', address: 'bench-devel@example.org' },
      repository: join(folder, 'bench.git'),
      branch: 'main',
      build: {
        image: 'debian',
        steps: [
          {
            name: 'dependencies',
            // Of the other tests nobody knows what they need, so that they are run for every patch.
            run: `for n in ${mapped.join(' ')}; do echo "$n: units/$n"; done >needs.d`,
            timeout: '30 s',
          },
        ],
        artifacts: ['units', 'run-tests'],
      },
      test: {
        images: ['debian', 'busybox'],
        dependencies: { files: ['needs.d'] },
        steps: [
          {
            ...{ name: 'units', run: './run-tests', timeout: '60 s', report: 'tap' },
            only: './run-tests {tests}',
          },
        ],
      },
      proof: { likely: 5, budget: '2 h' },
    },
  })
  return document.toString()
}

/** Writes all of it. Returns the truth: which series break what, and which units fail by themselves. */
export const makeRealProject = (
  folder: string,
  options: { series: number; seed: number; farm: string },
): { config: string; mailbox: string; series: RealSeries[]; flaky: Map<string, number> } => {
  const random = randomFrom(options.seed)
  const work = join(folder, 'work')
  mkdirSync(join(work, 'units'), { recursive: true })
  const flaky = flakyUnits(random)
  for (let n = 0; n < unitCount; n++)
    writeFileSync(join(work, 'units', unitName(n)), unit(flaky.get(unitName(n)) ?? 0))
  writeFileSync(join(work, 'run-tests'), runner, { mode: 0o755 })
  git(work, 'init', '-q')
  git(work, 'add', '.')
  git(work, 'commit', '-q', '-m', 'all of it')
  const all = Array.from({ length: unitCount }, (_, i) => unitName(i))
  // Patches change every second one of those that never fail by themselves.
  const mapped = all.filter((name, i) => i % 2 === 0 && !flaky.has(name))
  const series: RealSeries[] = []
  let mailbox = ''
  for (let n = 0; n < options.series; n++) {
    const messageId = `<bench-${n}@example.com>`
    const name = mapped[Math.floor(random() * mapped.length)] ?? unitName(0)
    const rate = rateOf(random)
    const file = join(work, 'units', name)
    const text = readFileSync(file, 'utf8').replace('width 80', `width ${81 + n}`)
    writeFileSync(file, text.replace(/^rate .*$/m, `rate ${rate}`))
    mailbox += `${mailOf(work, n, messageId)}\n`
    series.push({ messageId, unit: name, rate })
  }
  git(folder, 'clone', '-q', '--bare', 'work', 'bench.git')
  const config = join(folder, 'grapevine.yaml')
  const list = join(folder, 'list.mbox')
  writeFileSync(config, configuration(folder, options.farm, mapped))
  writeFileSync(list, mailbox)
  return { config, mailbox: list, series, flaky }
}
