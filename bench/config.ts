// The smallest configuration that the program takes: one project, one image, mails into a folder.

export const smallConfig = `administrator: { address: ada@dev.test }
bot: { address: bot@bot.test }
mail: { maildir: ./outbox }
farm: { images: { busybox: { kind: busybox } } }
projects:
  tally:
    list: { address: list@dev.test }
    repository: ./tally.git
    build: { image: busybox }
    test: { images: [busybox], steps: [{ name: all, run: ./all }] }
`

/** With pages at that port. */
export const configWithPages = (port: number): string => `${smallConfig}web: { listen: 127.0.0.1:${port} }\n`
