// A reporter for Vitest: writes what npm test adds up, as JSON, to the file that SALVOR_COUNTS names.
import { writeFileSync } from 'node:fs'

export default class Counts {
  onTestRunEnd(modules) {
    const counts = { passed: 0, failed: 0, skipped: [] }
    for (const module of modules) {
      // A file that does not load has no tests that could fail, and a suite's hooks are no tests.
      counts.failed += module.errors().length
      for (const suite of module.children.allSuites()) counts.failed += suite.errors().length
      for (const test of module.children.allTests()) {
        const { state, note: why } = test.result()
        if (state === 'skipped') counts.skipped.push({ file: module.relativeModuleId, test: test.fullName, why })
        else counts[state === 'passed' ? 'passed' : 'failed']++
      }
    }
    writeFileSync(process.env.SALVOR_COUNTS, JSON.stringify(counts))
  }
}
