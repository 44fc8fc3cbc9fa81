// What kind of mail store lies at a path.
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { detectSource } from '../../src/adapters/detect/detect.ts'
import { sampleMail, sampleMails } from './mail-source.ts'
import { archiveStore, git, maildirStore, makeArchive, mboxStore, temporaryFolder } from './mail-stores.ts'

describe('detectSource', () => {
  it('knows the stores', async () => {
    const mbox = await mboxStore()
    await mbox.add(sampleMails(0, 1))
    const archive = await archiveStore()
    await archive.add(sampleMails(0, 1))
    const folder = await temporaryFolder()
    git(archive.path, 'bundle', 'create', '--quiet', join(folder, 'list'), 'master')
    await writeFile(join(folder, 'mail.eml'), sampleMail(1))
    await makeArchive(join(folder, 'epochs', 'git', '0.git'))
    expect(await detectSource(mbox.path)).toBe('mbox')
    expect(await detectSource((await maildirStore()).path)).toBe('maildir')
    expect(await detectSource(archive.path)).toBe('public-inbox')
    expect(await detectSource(join(folder, 'list'))).toBe('public-inbox')
    expect(await detectSource(join(folder, 'epochs'))).toBe('public-inbox')
    expect(await detectSource(join(folder, 'epochs', 'git'))).toBe('public-inbox')
    expect(await detectSource(join(folder, 'mail.eml'))).toBe('mail')
  })

  it('says what is missing', async () => {
    const folder = await temporaryFolder()
    await expect(detectSource(folder)).rejects.toMatchObject({
      kind: 'refused',
      remedy: expect.stringContaining('Maildir'),
    })
    await expect(detectSource(join(folder, 'none'))).rejects.toMatchObject({
      kind: 'refused',
      message: expect.stringContaining('none'),
    })
  })
})
