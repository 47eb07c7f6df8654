import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { OpenFile } from '../../dist/src/engine/evidence-file.js'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'salvor-evidence-file-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

function opened(name: string, content: string | Uint8Array): OpenFile {
  const path = join(folder, name)
  writeFileSync(path, content)
  return new OpenFile(path)
}

test('a file is read whole or in pieces, and they are the same', async () => {
  const content = Uint8Array.from({ length: 2_500_000 }, (_, index) => index % 251)
  const file = opened('pieces', content)
  const pieces: Uint8Array[] = []
  for await (const piece of file.stream()) pieces.push(piece)
  expect(file.size).toBe(content.length)
  expect(pieces.length).toBeGreaterThan(2)
  expect(Buffer.concat(pieces).equals(content)).toBe(true)
  expect(Buffer.from(await file.read()).equals(content)).toBe(true)
  file.close()
})

test('an empty file is empty', async () => {
  const file = opened('empty', '')
  expect(await file.read()).toEqual(new Uint8Array())
  file.close()
})

test('what is cut off while it is read is an error and no shorter file', async () => {
  const file = opened('cut', 'twelve bytes')
  truncateSync(file.path, 5)
  await expect(file.read()).rejects.toMatchObject({
    code: 'EVIDENCE',
    message: `${file.path}: cut off at offset 0x5 while it was read`,
  })
  file.close()
})

test('what it grows by after it was opened is not read', async () => {
  const file = opened('grown', 'ten bytes!')
  writeFileSync(file.path, 'ten bytes! and more')
  expect(new TextDecoder().decode(await file.read())).toBe('ten bytes!')
  file.close()
})

test('a file larger than is held at once goes only piece by piece', async () => {
  const file = opened('large', '')
  truncateSync(file.path, (256 << 20) + 1)
  const large = new OpenFile(file.path)
  await expect(large.read()).rejects.toMatchObject({ code: 'EVIDENCE' })
  const { value } = await large.stream().next()
  expect(value?.length).toBe(1 << 20)
  file.close()
  large.close()
})
