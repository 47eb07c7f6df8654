// All tables that a guest's record tells of: a function from the record to the rows wanted.
import { FILES } from './files.mjs'
import { KERNEL } from './kernel.mjs'
import { NETWORK } from './network.mjs'
import { PROCESSES } from './processes.mjs'

export const TABLES = { ...PROCESSES, ...FILES, ...NETWORK, ...KERNEL }
