// The end of a text without some marks. A regular expression like /[.,]+$/ takes quadratic time where many of them stand before its end.

/** The text without any of these characters at its end. Linear in time. */
export const cutEnd = (text: string, marks: string): string => {
  let end = text.length
  while (end > 0 && marks.includes(text.charAt(end - 1))) end -= 1
  return text.slice(0, end)
}
