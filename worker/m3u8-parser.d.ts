/** The part of m3u8-parser 7 that is used; the package ships no types. What it gives is parsed in m3u8.ts. */
declare module 'm3u8-parser' {
  export class Parser {
    readonly manifest: unknown
    addParser(tag: { readonly expression: RegExp; readonly customType: string; readonly segment: boolean }): void
    push(text: string): void
    end(): void
  }
}
