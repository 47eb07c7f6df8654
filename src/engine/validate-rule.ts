import { CONFIDENCES, SEVERITIES, TACTICS } from '../api/rule.js'
import { needsFault } from './validate-needs.js'
import { isObject, isTexts } from './validate-options.js'
import { anyOf } from './words.js'

function isSentence(value: unknown): boolean {
  return typeof value === 'string' && value !== ''
}

function wordFault(what: string, value: unknown, words: readonly string[]): string | undefined {
  return words.includes(String(value)) ? undefined : `its ${what} must be ${anyOf(words)}`
}

/** What is wrong with a value that should be a rule, in words, or undefined. */
export function ruleFault(value: unknown): string | undefined {
  if (!isObject(value)) return 'it is not an object made by defineRule'
  const { name, title, means, next, attack, kubernetes = [], tactic, severity, confidence, reads, find, lacks } = value
  if (typeof name !== 'string' || !/^[a-z][a-z0-9-]*$/.test(name)) {
    return 'its name is missing or not in lower case with dashes'
  }
  if (!isSentence(title)) return 'its title is missing'
  if (!isSentence(means)) return 'it does not say what it means'
  if (!isTexts(next) || next.length === 0) return 'its next must be a list of sentences'
  if (!isTexts(attack) || !isTexts(kubernetes)) return 'attack and kubernetes must be lists of ids'
  if (typeof find !== 'function') return 'it has no find function'
  if (lacks !== undefined && typeof lacks !== 'function') return 'its lacks is no function'
  if (!isObject(reads) || Object.keys(reads).length === 0) return 'it reads no table'
  return (
    wordFault('tactic', tactic, TACTICS) ??
    wordFault('severity', severity, SEVERITIES) ??
    wordFault('confidence', confidence, CONFIDENCES) ??
    needsFault({ needs: reads })
  )
}
