#!/usr/bin/env node
// Gets a fresh clone ready: Node modules, the distribution's packages, guest images. `npm run demo` and `npm test` begin with it.
// Plain JavaScript that needs nothing from node_modules: it runs on the system's Node.js (20 or newer) before anything is installed.
import { spawn, spawnSync } from 'node:child_process'
import { accessSync, constants, existsSync, readdirSync, readFileSync, realpathSync, statSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = dirname(fileURLToPath(import.meta.url))
const unavailable = 69
const minute = 60_000
const heartbeatMs = 10_000
const tailLines = 20

/** Something that stops the set-up: what it is, what to do about it, and what a sub-command printed. */
class SetupError extends Error {
  constructor(message, { remedy, output = [], code = unavailable } = {}) {
    super(message)
    Object.assign(this, { remedy, output, code })
  }
}

// ---- What is there

const sbin = ['/usr/local/sbin', '/usr/sbin', '/sbin']

/** Where a command lies: in PATH, or where only root's PATH leads. */
export const findCommand = (name, path = process.env.PATH ?? '') =>
  [...path.split(delimiter), ...sbin]
    .filter(folder => folder !== '')
    .map(folder => join(folder, name))
    .find(isProgram)

const isProgram = file => {
  try {
    accessSync(file, constants.X_OK)
    return statSync(file).isFile()
  } catch {
    return false
  }
}

const hasPostgres = () =>
  existsSync('/usr/lib/postgresql') &&
  readdirSync('/usr/lib/postgresql').some(version => isProgram(`/usr/lib/postgresql/${version}/bin/postgres`))

const command = name => path => findCommand(name, path) !== undefined

const isRoot = () => process.getuid?.() === 0

/** Of libc6-dev: the C library for programs that need no other file. */
const hasStaticLibrary = () =>
  ['/usr/lib/x86_64-linux-gnu', '/usr/lib64', '/usr/lib'].some(folder => existsSync(join(folder, 'libc.a')))

const hasLibvirtQemu = () =>
  ['/usr/lib/x86_64-linux-gnu', '/usr/lib/aarch64-linux-gnu', '/usr/lib64', '/usr/lib'].some(folder =>
    existsSync(join(folder, 'libvirt/connection-driver/libvirt_driver_qemu.so')),
  )

/** What the distribution must give, each with the sign that it is there: a command or a file, whoever put it there. */
const needs = [
  { name: 'git', isThere: command('git') },
  { name: 'qemu-system-x86', isThere: command('qemu-system-x86_64') },
  { name: 'qemu-utils', isThere: command('qemu-img') },
  { name: 'mmdebstrap', isThere: command('mmdebstrap') },
  { name: 'e2fsprogs', isThere: command('mke2fs') },
  { name: 'kmod', isThere: command('depmod') },
  { name: 'cpio', isThere: command('cpio') },
  { name: 'xz-utils', isThere: command('xz') },
  { name: 'gcc', isThere: command('cc') },
  { name: 'libc6-dev', isThere: hasStaticLibrary },
  { name: 'redis-server', isThere: command('redis-server') },
  { name: 'ca-certificates', isThere: () => existsSync('/etc/ssl/certs/ca-certificates.crt') },
]
/** Without root, mmdebstrap makes a system in a user namespace. */
const userNeeds = [{ name: 'uidmap', isThere: command('newuidmap') }]
/** ovmf and what follows it: disks that boot by themselves. */
const testNeeds = [
  { name: 'postgresql', isThere: hasPostgres },
  { name: 'ovmf', isThere: () => existsSync('/usr/share/OVMF/OVMF_CODE_4M.fd') },
  { name: 'mtools', isThere: command('mcopy') },
  { name: 'syslinux', isThere: command('syslinux') },
  { name: 'syslinux-common', isThere: () => existsSync('/usr/lib/syslinux/mbr/mbr.bin') },
  { name: 'libvirt-clients', isThere: command('virsh') },
  { name: 'libvirt-daemon', isThere: command('libvirtd') },
  { name: 'libvirt-daemon-driver-qemu', isThere: hasLibvirtQemu },
  { name: 'dovecot-imapd', isThere: () => existsSync('/usr/lib/dovecot/imap') },
  { name: 'dovecot-lmtpd', isThere: () => existsSync('/usr/lib/dovecot/lmtp') },
  { name: 'openssl', isThere: command('openssl') },
  { name: 'ipmitool', isThere: command('ipmitool') },
  { name: 'openipmi', isThere: command('ipmi_sim') },
  { name: 'chromium', isThere: command('chromium') },
  { name: 'postfix', isThere: () => isProgram('/usr/lib/postfix/sbin/master') },
]

/** Names of the Debian packages that are missing. */
export const missingPackages = ({ test = false, root = isRoot(), path = process.env.PATH } = {}) =>
  [...needs, ...(root ? [] : userNeeds), ...(test ? testNeeds : [])]
    .filter(need => !need.isThere(path))
    .map(need => need.name)

// ---- Doing things, with a deadline and a word on what is awaited

const startedAt = Date.now()
const seconds = since => Math.round((Date.now() - since) / 1000)
const say = text => console.log(`[${String(seconds(startedAt)).padStart(3)} s] ${text}`)

let running
for (const signal of ['SIGINT', 'SIGTERM'])
  process.on(signal, () => {
    running?.(signal)
    process.exit(signal === 'SIGINT' ? 130 : 143)
  })

/** Runs a command; its output is shown only if it fails, or all the time with GRAPEVINE_VERBOSE=1. */
const run = (what, { file, args, deadlineMs, env = {}, remedy }) =>
  new Promise((resolve, reject) => {
    const since = Date.now()
    say(`${what} (${deadlineMs / minute} min at most)`)
    const lines = []
    const child = spawn(file, args, {
      cwd: here,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    })
    const stop = signal => {
      try {
        process.kill(-child.pid, signal)
      } catch {
        // It is gone already, or it is root's.
      }
    }
    running = stop
    const hear = chunk => {
      if (process.env.GRAPEVINE_VERBOSE) process.stdout.write(chunk)
      lines.push(
        ...String(chunk)
          .split(/[\r\n]+/)
          .filter(Boolean),
      )
      lines.splice(0, lines.length - tailLines)
    }
    child.stdout.on('data', hear)
    child.stderr.on('data', hear)
    const heartbeat = setInterval(() => {
      const last = lines.at(-1)?.trim().slice(0, 100)
      say(`still ${what}, ${seconds(since)} s${last ? `: ${last}` : ' …'}`)
    }, heartbeatMs)
    let late = false
    const deadline = setTimeout(() => {
      late = true
      stop('SIGTERM')
      setTimeout(stop, 5000, 'SIGKILL').unref()
    }, deadlineMs)
    const end = error => {
      clearInterval(heartbeat)
      clearTimeout(deadline)
      running = undefined
      if (error) reject(error)
      else resolve(lines)
    }
    child.on('error', error =>
      end(new SetupError(`${what}: ${file} cannot be run: ${error.code}`, { remedy })),
    )
    child.on('close', (code, signal) => {
      const how = late
        ? `not done after ${deadlineMs / minute} min`
        : code === null
          ? `ended by ${signal}`
          : `exit code ${code}`
      end(code === 0 && !late ? undefined : new SetupError(`${what}: ${how}`, { remedy, output: lines }))
    })
  })

// ---- Node modules

const readJson = file => {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch {
    return undefined
  }
}

/** npm writes down at the end of each installation what it has installed: it must be what package-lock.json asks for. */
export const modulesAreThere = root => {
  const wanted = readJson(join(root, 'package-lock.json'))?.packages ?? {}
  const installed = readJson(join(root, 'node_modules/.package-lock.json'))?.packages
  return (
    installed !== undefined &&
    Object.entries(wanted).every(
      ([path, { version, integrity, optional }]) =>
        path === '' ||
        (installed[path] === undefined
          ? optional === true
          : installed[path].version === version && installed[path].integrity === integrity),
    )
  )
}

const checkNode = () => {
  const major = Number(process.versions.node.split('.')[0])
  if (major < 20)
    throw new SetupError(`this is Node.js ${process.versions.node}; 20 or newer is needed`, {
      remedy: 'Install a newer Node.js: your distribution has one, or see https://nodejs.org',
    })
}

const setUpModules = async () => {
  if (!modulesAreThere(here)) {
    if (!findCommand('npm'))
      throw new SetupError('there is no npm', {
        remedy: 'Install it: it comes with Node.js, or as the package npm.',
      })
    await run('installing Node modules', {
      file: 'npm',
      args: ['ci', '--loglevel=error', '--no-audit', '--no-fund'],
      deadlineMs: 10 * minute,
      remedy: 'npm must reach its registry. Run it by hand to see more: npm ci',
    })
  }
  const node = join(here, 'node_modules/.bin/node')
  const { stdout, status } = spawnSync(node, ['--version'], { encoding: 'utf8', timeout: 20_000 })
  if (status !== 0)
    throw new SetupError('the Node.js 24 among the modules does not run here', {
      remedy: `It is there for Linux on x64 and arm64; this is ${process.platform} on ${process.arch}. Try once more with: rm -r node_modules`,
    })
  return stdout.trim()
}

// ---- Packages of the distribution

const quote = word => `'${word.replaceAll("'", `'\\''`)}'`

/**
 * The shell script that installs packages, for root. It changes nothing else: redis-server and postgresql would start
 * services at once and at each boot, and make a database cluster, which nobody asked for. So for the time of the
 * installation only
 * - policy-rc.d forbids starting services (Debian's way for it), unless the administrator has a policy already,
 * - a file in createcluster.d says that no cluster is made,
 * - debconf hears that Postfix gets no configuration; and no other mail server is removed for it;
 * and a service that came with this installation is not enabled for the next boot.
 * `root` is in front of the paths of these files.
 */
export const installScript = (packages, { root = '' } = {}) => {
  const services = {
    'redis-server': 'redis-server',
    postgresql: 'postgresql',
    'dovecot-imapd': 'dovecot',
    postfix: 'postfix',
    ipmitool: 'ipmievd',
    openipmi: 'openipmi',
  }
  const disable = packages
    .filter(name => Object.hasOwn(services, name))
    .map(name => `systemctl disable --quiet ${services[name]} >/dev/null 2>&1 || :`)
  return `set -eu
policy=${quote(`${root}/usr/sbin/policy-rc.d`)}
clusters=${quote(`${root}/etc/postgresql-common/createcluster.d`)}
made=
folder=
tidy() {
  [ -z "$made" ] || rm -f $made
  [ -z "$folder" ] || rmdir "$folder" 2>/dev/null || :
}
trap tidy EXIT
trap 'exit 143' HUP INT TERM
if [ ! -e "$policy" ]; then
  made="$made $policy"
  printf '#!/bin/sh\\n# Put here by setup.mjs of Grapevine for the time of an installation.\\nexit 101\\n' > "$policy"
  chmod 755 "$policy"
fi
${
  packages.includes('postgresql')
    ? `[ -d "$clusters" ] || folder=$clusters
mkdir -p "$clusters"
made="$made $clusters/grapevine.conf"
echo 'create_main_cluster = false' > "$clusters/grapevine.conf"`
    : ':'
}
export DEBIAN_FRONTEND=noninteractive
${packages.includes('postfix') ? "echo 'postfix postfix/main_mailer_type select No configuration' | debconf-set-selections" : ':'}
apt-get -q -o DPkg::Lock::Timeout=120 update
apt-get -q -o DPkg::Lock::Timeout=120 install -y ${packages.includes('postfix') ? '--no-remove ' : ''}--no-install-recommends ${packages.join(' ')}
${disable.join('\n')}
`
}

/** How to become root without asking anybody: [] as root, undefined if there is no way. */
const becomeRoot = () => {
  if (isRoot()) return []
  const sudo = findCommand('sudo')
  if (sudo === undefined) return undefined
  return spawnSync(sudo, ['-n', 'true'], { stdio: 'ignore', timeout: 20_000 }).status === 0
    ? [sudo, '-n']
    : undefined
}

const setUpPackages = async test => {
  const missing = missingPackages({ test })
  if (missing.length === 0) return
  const byHand = `sudo apt-get install --no-install-recommends ${missing.join(' ')}`
  if (!findCommand('apt-get'))
    throw new SetupError(
      `these are missing, and there is no apt-get here to install them: ${missing.join(' ')}`,
      {
        remedy: 'These are the names of the Debian packages. Install what your distribution calls them.',
      },
    )
  const root = becomeRoot()
  if (root === undefined)
    throw new SetupError(`these packages are missing, and only root can install them: ${missing.join(' ')}`, {
      remedy: `Install them, then start again:\n  ${byHand}`,
    })
  const [file, ...args] = [...root, 'sh', '-c', installScript(missing)]
  await run(`installing packages: ${missing.join(' ')}`, {
    file,
    args,
    deadlineMs: 20 * minute,
    remedy: `If another installation is under way, wait for it (two minutes were waited). Else try by hand:\n  sudo apt-get update && ${byHand}`,
  })
  const left = missingPackages({ test })
  if (left.length > 0)
    throw new SetupError(`installed, but still not found: ${left.join(' ')}`, {
      remedy: 'Is PATH complete? Commands are looked for in PATH and in the sbin folders.',
    })
}

// ---- Guest images

const setUpImages = () =>
  run('looking after guest images', {
    file: join(here, 'bin/grapevine'),
    args: ['image', 'build', '--config', 'examples/demo/grapevine.yaml'],
    deadlineMs: 30 * minute,
    remedy: 'See what is missing: bin/grapevine doctor --config examples/demo/grapevine.yaml',
  })

const main = async args => {
  const wrong = args.find(arg => arg !== '--test')
  if (wrong !== undefined)
    throw new SetupError(`unknown argument ${wrong}`, { remedy: 'Usage: node setup.mjs [--test]', code: 64 })
  checkNode()
  await setUpModules()
  await setUpPackages(args.includes('--test'))
  await setUpImages()
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  main(process.argv.slice(2)).catch(error => {
    if (!(error instanceof SetupError)) throw error
    for (const line of error.output) console.error(`  | ${line}`)
    console.error(`grapevine: set-up: ${error.message}`)
    if (error.remedy) console.error(error.remedy)
    process.exitCode = error.code
  })
}
