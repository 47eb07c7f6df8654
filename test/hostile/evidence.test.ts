/** Files in the page cache, names and page tables that are not what they were. */

import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { Edited, imageFile, member, removeImages, task, value, whole } from './image.js'
import { salvor, type Table, table } from './salvor.js'

const TASK = 'struct task_struct'
const dockerd = 325

afterAll(removeImages)

describe('what an engine declared', () => {
  const name = 'shop-web-1'

  it('with a name that is an attack on whoever shows it', async () => {
    const path = new Edited().replace(`"Name":"/${name}"`, '"Name":"/\\u001b[2Jx"').file()
    const found = await table('containers', path)
    expect(found.rows.map((row) => row.name)).toContain('\u001b[2Jx')
    for (const format of ['table', 'csv', 'ndjson']) await salvor(['containers', path, '--format', format])
  })

  it('with names, an image, labels and an environment that are, on every page and in the names of files', async () => {
    const edited = new Edited()
      .replace(`"Name":"/${name}"`, '"Name":"/.\\u001b[2J"')
      .replace('"Image":"shop/web:1.4"', '"Image":"=1,\\u001b[2J"')
    const label = '"com.docker.compose.project":"shop"'
    for (let at = whole.indexOf(label); at >= 0; at = whole.indexOf(label, at + 1))
      edited.replace(label, '"../\\u001b]0;x\\u0007\\u202e=":"shop"')
    const variable = 'SHOP_ENV=production\0'
    for (let at = whole.indexOf(variable); at >= 0; at = whole.indexOf(variable, at + 1))
      edited.replace(variable, 'SHOP_ENV=\x1b]0;ow\x07\r\n=\0')
    const path = edited.file()
    const [row] = (await table('containers', path)).rows.filter((each) => each.name === '.\u001b[2J')
    expect(row?.image).toBe('=1,\u001b[2J')
    const settings = await table('container-settings', path)
    expect(settings.rows.find((each) => each.container === row?.id)?.labels).toHaveProperty([
      '../\u001b]0;x\u0007\u202e=',
    ])
    const environment = await table('environment', path)
    expect(environment.rows.map((each) => each.value)).toContain('\u001b]0;ow\u0007\r\n=')
    const folder = mkdtempSync(join(tmpdir(), 'salvor-hostile-'))
    try {
      for (const format of ['table', 'csv']) {
        for (const each of ['containers', 'container-settings', 'environment'])
          expect((await salvor([each, path, '--format', format, '--wide'])).stdout).not.toMatch(/(?:^|,)"?=/m)
      }
      for (const format of ['table', 'json'])
        await salvor(['container', `${row?.id}`, path, '--format', format, '-d', join(folder, format)])
      const files = readdirSync(folder, { recursive: true }).map(String)
      expect(readdirSync(folder).sort()).toEqual(['json', 'table'])
      expect(files.some((file) => file.endsWith('.tar'))).toBe(true)
      expect(files.filter((file) => !/^[\w./:+@[-]+$/.test(file) || /(?:^|\/)\.\.?(?:\/|$)/.test(file))).toEqual([])
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  it.each([
    ['brackets in brackets', '['],
    ['objects in objects', '{"a":'],
    ['a text without end', '"'],
    ['nothing', '\0'],
  ])('made of %s', async (_what, part) => {
    const start = whole.indexOf('{"StreamConfig"')
    const bytes = Buffer.from(whole)
    bytes.fill(part, start, (start & ~0xfff) + 4096 - 512)
    const found = await table('containers', imageFile(bytes))
    expect(found.code).toBe(5)
    expect(found.rows.length).toBeGreaterThan(0)
    expect(found.warnings).toContainEqual(expect.objectContaining({ code: 'malformed' }))
  })
})

describe('names of files', () => {
  it.each([
    ['longer than any', 'd_name.len', 0xffff_fff0],
    ['of no length', 'd_name.len', 0],
  ])('%s', async (_what, path, length) => {
    const dentry = value(task(dockerd), TASK, 'mm->exe_file->f_path.dentry')
    const found = await table('processes', new Edited().set32(member(dentry, 'struct dentry', path), length).file())
    const exe = found.rows.find(({ pid }) => pid === dockerd)?.exe
    if (length > 0) expect([exe, found.code]).toEqual([null, 5])
    expect(found.rows.length).toBeGreaterThan(100)
  })

  it('whose parents are a loop', async () => {
    const dentry = value(task(dockerd), TASK, 'mm->exe_file->f_path.dentry')
    const above = value(dentry, 'struct dentry', 'd_parent')
    const image = new Edited().set(member(above, 'struct dentry', 'd_parent'), dentry)
    const found = await table('processes', image.file())
    expect(found.code).toBe(5)
    expect(found.warnings).toContainEqual(expect.objectContaining({ code: 'torn', column: 'exe' }))
  })
})

describe('page tables of the direct map', () => {
  it.each([
    ['an entry for 2 MiB', 1, false],
    ['a page of entries for 2 MiB each', 1, true],
    ['an entry for 1 GiB', 2, false],
  ])('%s is zeros: nothing is shorter without a word', async (_what, level, page) => {
    const path = new Edited().unmap(task(dockerd), level, page).file()
    for (const analyzer of ['processes', 'threads', 'cgroups', 'containers', 'namespaces']) {
      const run = await salvor([analyzer, path, '--format', 'json'])
      if (run.code === 3 || run.code === 4) continue
      const { rows, warnings } = JSON.parse(run.stdout) as Table
      // Where a page with a table is zeros, memory is read as it lies, and nothing is shorter.
      if (run.code === 0) {
        expect(run.lines.join('\n')).toContain('it is read as lying in one piece there')
        expect(rows).toEqual((await table(analyzer, imageFile(whole))).rows)
        continue
      }
      expect(run.code).toBe(5)
      expect(warnings.some(({ code }) => code === 'unreadable' || code === 'torn')).toBe(true)
    }
  })
})

describe('warnings', () => {
  it('of the image itself are in every table', async () => {
    const path = imageFile(whole.subarray(0, whole.length - 5000))
    const run = await salvor(['run', 'info', 'processes', 'cgroups', path, '--format', 'json'])
    expect(run.code).toBe(5)
    for (const { warnings } of JSON.parse(run.stdout) as Table[]) {
      expect(warnings.filter(({ code }) => code === 'truncated')).toHaveLength(1)
    }
    expect(run.lines.filter((line) => line.includes('truncated:'))).toHaveLength(1)
  })

  it('of one kind are one with how many and where first, and one line in all', async () => {
    const found = await table('processes', new Edited().unmap(task(dockerd), 1, false).file())
    const kinds = found.warnings.map(({ code, column, message }) => JSON.stringify([code, column, message]))
    expect(new Set(kinds).size).toBe(kinds.length)
    for (const { count, address } of found.warnings.filter(({ analyzer }) => analyzer !== undefined)) {
      expect(count).toBeGreaterThan(0)
      expect(address).toMatch(/^0x[0-9a-f]+$/)
    }
    // On stderr a torn table is one line, and the image another.
    expect(found.lines.filter((line) => line.startsWith('warning: processes: '))).toHaveLength(1)
    expect(found.lines.at(-1)).toMatch(/^warning: the image is torn, .*: \d+ of \d+ links between tasks contradict/)
  })
})
