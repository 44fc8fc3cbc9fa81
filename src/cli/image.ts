// `grapevine image`: the systems that guests boot, built or brought in once on each host; and the holding of their tasks.
import { Command } from 'commander'
import type { CliDeps } from './deps.ts'
import { imageHolds } from './image/holds.ts'
import type { ImportOptions } from './image/import.ts'

const build = (deps: CliDeps): Command =>
  new Command('build')
    .summary('build images that are missing or outdated')
    .description(
      'Builds the images, or those named, from the packages of this host’s distribution. What is built and up to date stays. Images of kind imported and libvirt are passed over.',
    )
    .argument('[names...]', 'images of the configuration (default: all)')
    .addHelpText('after', '\nExample:\n  $ grapevine image build debian')
    .action(async (names: string[]) => await (await import('./image/build.ts')).build(deps, names))

const bringIn = (deps: CliDeps): Command =>
  new Command('import')
    .summary('bring in a disk that has the guest agent in it')
    .description(
      'Copies a qcow2 or raw disk into an image of kind imported, boots it once, and takes it if its guest agent answers. The file itself is only read. An image of that name that is there already is replaced; templates of the old one stay until they are removed.',
    )
    .argument('<name>', 'an image of the configuration, of kind imported')
    .argument('<file>', 'the disk: qcow2 or raw, with qemu-guest-agent installed')
    .option('--vars <file>', 'UEFI variables that the disk was installed with (default: fresh ones)')
    .option('--no-boot', 'do not try whether it boots and its agent answers')
    .option('--deadline <span>', 'how long the boot may take', '10 min')
    .addHelpText(
      'after',
      '\nExample:\n  $ grapevine image import win11 /srv/disks/win11.qcow2 --deadline "30 min"',
    )
    .action(async (name: string, file: string, options: ImportOptions) => {
      await (await import('./image/import.ts')).importDisk(deps, { name, file, options })
    })

const list = (deps: CliDeps): Command =>
  new Command('list')
    .summary('list the images and whether they are there')
    .description(
      'Lists the images of the configuration: built or imported, outdated (the configuration has changed since), damaged, missing, or in libvirt. `older` counts replaced versions that are still there.',
    )
    .option('--json', 'print JSON lines: name, kind, state, builtAt, bytes, folder, older, remedy')
    .addHelpText('after', '\nExample:\n  $ grapevine image list')
    .action(
      async (options: { json?: boolean }) => await (await import('./image/list.ts')).list(deps, options),
    )

const show = (deps: CliDeps): Command =>
  new Command('show')
    .summary('print an image’s manifest')
    .description('Prints what an image was made of, and where its files lie, as JSON.')
    .argument('<name>', 'an image of the configuration')
    .addHelpText('after', '\nExample:\n  $ grapevine image show debian')
    .action(async (name: string) => await (await import('./image/list.ts')).showOne(deps, name))

const verify = (deps: CliDeps): Command =>
  new Command('verify')
    .summary('compare every file with its digest')
    .description(
      'Reads the images, or those named, with their older versions; compares each file with its digest, and checks disks with qemu-img. Exit code 1 if anything is not what it was.',
    )
    .argument('[names...]', 'images of the configuration (default: all)')
    .option(
      '--json',
      'print JSON lines: name, version, sound, flaws, bytes, remedy; progress to standard error',
    )
    .addHelpText('after', '\nExample:\n  $ grapevine image verify debian')
    .action(async (names: string[], options: { json?: boolean }) => {
      await (await import('./image/verify.ts')).verify(deps, names, options)
    })

const remove = (deps: CliDeps): Command =>
  new Command('remove')
    .summary('take an image off this host')
    .description(
      'Removes an image with all its versions, or one version that was replaced (NAME@VERSION, see `list --json`). Refuses while a recipe names it or a template lies on it.',
    )
    .argument('<name>', 'an image or a version of one')
    .option('--force', 'also if it is in use; templates that lie on it go with it')
    .addHelpText('after', '\nExample:\n  $ grapevine image remove win10')
    .action(async (name: string, options: { force?: boolean }) => {
      await (await import('./image/remove.ts')).remove(deps, name, options)
    })

const looks = (deps: CliDeps): Command =>
  [build, bringIn, list, show, verify, remove]
    .reduce(
      (command, make) => command.addCommand(make(deps)),
      new Command('image').description(
        'Builds, brings in and looks after the images of guests: farm.images in the configuration.',
      ),
    )
    .addHelpText('after', '\nExample:\n  $ grapevine image build')

/** With the verbs that hold an image's tasks. */
export const image = (deps: CliDeps): Command =>
  imageHolds(deps).reduce((command, hold) => command.addCommand(hold), looks(deps))
