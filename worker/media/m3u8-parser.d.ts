/** The used part of m3u8-parser 7, which ships no types. parse-m3u8.ts validates its result. */
declare module 'm3u8-parser' {
  export class Parser {
    readonly manifest: unknown
    addParser(tag: { readonly expression: RegExp; readonly customType: string; readonly segment: boolean }): void
    push(text: string): void
    end(): void
  }
}
