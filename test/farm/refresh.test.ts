// A base moved: its template is made from the one of the base before, so that only what changed is built again. Old clones go on meanwhile.
import { expect, test } from 'vitest'
import type { TemplateSpec } from '../../src/ports/farm.ts'
import { command, newFolder, openFarm, requireImage, say, silent } from './world.ts'

requireImage('busybox')

/** The state `content` of a line: each adds a word to what is there. */
const state = (content: string, script = `echo ${content} >> /root/built`): TemplateSpec => ({
  label: `busybox, base ${content}`,
  image: 'busybox',
  content,
  line: 'one project',
  files: [],
  prepare: [command(script)],
})

test('the next state goes on from the one before, and from the image where that does not do', async () => {
  const { folder, remove } = newFolder()
  const farm = await openFarm({ token: 'test-refresh', folder })
  const look = async (spec: TemplateSpec, script: string) => {
    const clone = await farm.lease({ run: 'look', template: await farm.template(spec, silent) })
    const said = await say(clone, script)
    await clone.release()
    return said
  }
  try {
    const old = await farm.lease({ run: 'old', template: await farm.template(state('one'), silent) })
    expect(await look(state('two'), 'cat /root/built')).toBe('one\ntwo')
    // What runs on the old state is not disturbed, and another line begins anew.
    expect(await say(old, 'cat /root/built')).toBe('one')
    await old.release()
    expect(await look({ ...state('two'), line: 'another', content: 'x' }, 'cat /root/built')).toBe('two')
    // Something of the old base is in the way: nobody may be blamed for that.
    const said: string[] = []
    const spoilt = state('three', 'test ! -e /root/built && echo fresh > /root/built')
    const template = await farm.template(spoilt, line => said.push(line))
    expect(said).toContain('busybox, base three: that failed, so it is made from the image')
    const clone = await farm.lease({ run: 'three', template })
    expect(await say(clone, 'cat /root/built')).toBe('fresh')
    await clone.release()
  } finally {
    await farm.close()
    remove()
  }
})
