// The smallest Grapevine, as a file for tests of the command: one project, one image, replies into a folder.

/** `mail`: more keys of `mail`, as they stand in yaml. */
export const smallYaml = (mail = ''): string => `administrator: { address: ada@example.org }
bot: { address: grapevine@example.org }
mail: { maildir: ./outbox${mail === '' ? '' : `, ${mail}`} }
farm: { images: { busybox: { kind: busybox } } }
projects:
  tally:
    list: { address: tally-devel@example.org }
    repository: ./tally.git
    build: { image: busybox }
    test: { images: [busybox], steps: [{ name: all, run: ./all }] }
`
