import { readFileSync } from 'node:fs'
import { packageJson } from './paths.js'

/** This package's version. */
export const version = (JSON.parse(readFileSync(packageJson, 'utf8')) as { version: string }).version
