/** Names of images that are no files here: standard input, and objects of a bucket. */

import { SalvorError } from '../engine/errors.js'

/** What stands for standard input on a command line. */
export const STANDARD_INPUT = '-'

const S3 = /^s3:\/\//i

export interface ObjectName {
  readonly bucket: string
  /** A key, or the beginning of several; empty for all of a bucket. */
  readonly key: string
}

export function isObjectName(word: string): boolean {
  return S3.test(word)
}

/** Whether an image has to be brought here before it is opened, or is read from where it is. */
export function isElsewhere(word: string): boolean {
  return word === STANDARD_INPUT || isObjectName(word)
}

/** Takes `s3://bucket/key` apart. Throws USAGE where there is no bucket in it. */
export function objectName(word: string): ObjectName {
  const [, bucket = '', key = ''] = /^s3:\/\/([^/]*)\/?(.*)$/is.exec(word) ?? []
  if (/^[A-Za-z0-9][A-Za-z0-9._:-]+$/.test(bucket)) return { bucket, key }
  throw new SalvorError('USAGE', `${JSON.stringify(word)} names no bucket: s3://BUCKET/KEY or s3://BUCKET/PREFIX`)
}

/** How an object is named to people and in records. */
export function nameOfObject({ bucket, key }: ObjectName): string {
  return `s3://${bucket}/${key}`
}
