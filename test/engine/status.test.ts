import { expect, test } from 'vitest'
import { imageExitCode, type TableOutcome, worst } from '../../dist/src/engine/status.js'

function outcome(more: Partial<TableOutcome> = {}): TableOutcome {
  return { analyzer: 'x', rows: 1, warnings: [], ...more }
}
const warned = (...codes: string[]) => outcome({ warnings: codes.map((code) => ({ code, message: 'm' })) })
const failed = (code: 'INTERNAL' | 'EVIDENCE' | 'NO_SYMBOLS' | 'USAGE' | 'OPTION' | 'INTERRUPTED') =>
  outcome({ rows: 0, failed: { code, message: 'm' } })
const brokenOff = (...codes: string[]) => ({ ...failed('INTERNAL'), rows: 3, warnings: warned(...codes).warnings })

test.each([
  [0, [outcome()]],
  [0, [outcome({ rows: 0 })]],
  [0, [warned('absent')]],
  [5, [outcome({ rows: 0, warnings: [{ code: 'absent', message: 'm' }] })]],
  [5, [warned('unreadable')]],
  [5, [warned('torn')]],
  [6, [warned('cap')]],
  [6, [warned('unreadable', 'cap')]],
  [1, [failed('INTERNAL')]],
  [1, [failed('USAGE')]],
  [2, [failed('OPTION')]],
  [3, [failed('EVIDENCE')]],
  [4, [failed('NO_SYMBOLS')]],
  [1, [failed('NO_SYMBOLS'), failed('INTERNAL')]],
  [5, [failed('INTERNAL'), outcome()]],
  [6, [failed('INTERNAL'), warned('cap')]],
  [5, [brokenOff()]],
  [6, [brokenOff('cap')]],
  [5, [brokenOff(), failed('EVIDENCE')]],
  [130, [failed('INTERRUPTED'), outcome()]],
])('exit code %i of one image', (code, outcomes) => {
  expect(imageExitCode(outcomes)).toBe(code)
})

test('of several images the worst one decides', () => {
  expect(worst([0, 5, 0])).toBe(5)
  expect(worst([5, 6])).toBe(6)
  expect(worst([6, 4])).toBe(4)
  expect(worst([4, 3])).toBe(3)
  expect(worst([3, 1])).toBe(1)
  expect(worst([1, 130])).toBe(130)
  expect(worst([])).toBe(0)
})
