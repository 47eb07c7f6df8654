/** What is typed by mistake beside a case is told as what it is, in one line. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { text } from '../../dist/src/api/columns.js'
import { CaseStore } from '../../dist/src/case/store.js'
import { Registry } from '../../dist/src/engine/registry.js'
import { startSalvor } from '../batch/run.js'
import { addImage } from './made.js'

let folder: string
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'salvor-mistaken-'))
  writeFileSync(join(folder, 'list'), 'evil\n')
  const things = { analyzer: 'things', columns: { name: text('Name') }, key: [], rows: [{ name: 'x' }] }
  const { name: analyzer, columns, key } = Registry.builtin().get('processes')
  const processes = { analyzer, columns, key: key ?? [], rows: [{ pid: 1, comm: 'init' }] }
  await addImage(join(folder, 'case'), 'a', [things])
  await addImage(join(folder, 'case'), 'b', [things])
  await addImage(join(folder, 'full'), 'a', [processes])
  await addImage(join(folder, 'full'), 'b', [processes])
  ;(await CaseStore.write(join(folder, 'empty'))).close()
})
afterAll(() => rmSync(folder, { recursive: true }))

function typed(...args: string[]) {
  return startSalvor(args, {}, folder).ended
}

test.each([
  [['sql', 'case', '.tables'], /\.tables is of the shell/],
  [['sql', 'case', 'things'], /"FROM things"/],
  [['sql', 'case', 'SELECT * FROM findings'], /no image of the case was analyzed for findings: salvor batch findings/],
  [['sql', 'case', 'SELECT * FROM nothing'], /Table with name nothing does not exist/],
  [['hunt', 'case', ''], /an indicator is empty/],
  [['hunt', 'case', ' '], /an indicator is empty/],
  [['hunt', 'case', 'path='], /path=: an indicator is empty/],
  [['hunt', 'case', '--list', 'gone'], /gone: no such file/],
  [['hunt', 'case', '@list'], /@list is a list: --list list/],
  [['compare', 'case/web-1', 'case:b'], /case\/web-1: an image of a case is case:web-1/],
  [['compare', 'case:a', 'case:b'], /the two have no table in common/],
  [['batch', 'empty', '--case', 'other'], /empty is a case, and holds no image/],
])('%j', async (args, message) => {
  const { code, stdout, stderr } = await typed(...args)
  expect([code, stdout]).toEqual([2, ''])
  expect(stderr).toMatch(message)
  expect(stderr.trimEnd()).not.toContain('\n')
})

test('two that are alike are said to be', async () => {
  const { code, stderr } = await typed('compare', 'full:a', 'full:b')
  expect([code, stderr]).toEqual([0, 'note: nothing differs in 1 table\n'])
  expect((await typed('compare', 'full:a', 'full:b', '--quiet')).stderr).toBe('')
})
