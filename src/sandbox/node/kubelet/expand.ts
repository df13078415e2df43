/** `$(NAME)` is replaced when the variable is known, `$$` is one `$`, all else stays (as k8s.io/kubernetes/third_party/forked/golang/expansion). */
export function expand(text: string, variables: Readonly<Record<string, string>>): string {
  return text.replaceAll(/\$(\$|\(([^()]*)\))/g, (whole, escaped: string, name: string | undefined) => {
    if (escaped === "$") return "$";
    return name === undefined ? whole : (variables[name] ?? whole);
  });
}
