//! Strings, numbers, lists and maps.

use super::{check, raises, values};

#[test]
fn strings() {
    values(&[
        (r#"'a\'b\\c\d'"#, r"a'b\c\d"),
        (r#""a\tb#{1 + 1}\#{x}\u00e9".inspect"#, r##""a\tb2\#{x}é""##),
        ("\"a\" \"b\" 'c'", "abc"),
        ("%q(it's (ok)) + %Q(x#{1}) + %(y\"z)", "it's (ok)x1y\"z"),
        ("%w(a#{1} b).inspect", r##"["a\#{1}", "b"]"##),
        ("%W(a#{1} b)", "[\"a1\", \"b\"]"),
        ("%i[a b]", "[:a, :b]"),
        (
            "\"#{nil}#{:a}#{1.0}#{[1, 'a', nil]}\"",
            "a1.0[1, \"a\", nil]",
        ),
        (
            "'abc'[0] + 'abc'[-1] + 'abc'[1..] + 'abc'[0, 2] + 'abc'[1..-2]",
            "acbcabb",
        ),
        ("'abc'[9].inspect", "nil"),
        (
            "' x '.strip + '|' + \"x\\n\".chomp + 'x.yml'.chomp('.yml')",
            "x|xx",
        ),
        (
            "'aBc'.upcase + 'aBc'.downcase + 'aBc'.capitalize + 'aBc'.swapcase",
            "ABCabcAbcAbC",
        ),
        (
            "'abc'.start_with?('x', 'a') && 'abc'.end_with?('c')",
            "true",
        ),
        ("['abc'.length, 'é'.size, 'é'.bytesize]", "[3, 1, 2]"),
        ("'ab' * 3", "ababab"),
        (
            "'hello'.tr('el', 'ip') + 'hello'.tr('a-y', 'b-z') + 'abc'.tr('^a', '*')",
            "hippoifmmpa**",
        ),
        (
            "'14.04'.tr('.', '') + 'hello'.delete('l') + 'aaab'.squeeze",
            "1404heoab",
        ),
        (
            "'x'.center(5, '*') + 'x'.ljust(3) + '|' + 'x'.rjust(3, '0')",
            "**x**x  |00x",
        ),
        (
            "['12abc'.to_i, 'abc'.to_i, '1_000'.to_i, 'ff'.to_i(16), '1.5x'.to_f]",
            "[12, 0, 1000, 255, 1.5]",
        ),
        (
            "['abc'.succ, 'az'.succ, 'a9'.next, 'Zz'.succ]",
            "[\"abd\", \"ba\", \"b0\", \"AAa\"]",
        ),
        (
            "'abc'.reverse + 'abc'.chars.inspect",
            "cba[\"a\", \"b\", \"c\"]",
        ),
        (
            "['a' <=> 'b', 'abc' > 'abb', 'a'.casecmp?('A')]",
            "[-1, true, true]",
        ),
        ("'foo.bar'.partition('.')", "[\"foo\", \".\", \"bar\"]"),
    ]);
    check(&[
        (
            "<% s = 'a'; s << 'b'; t = s; t << 'c'; s.upcase! %><%= s %>",
            "ABC",
        ),
        (
            "<% t = <<~END\n  one\n    two\nEND\n%><%= t %>|",
            "one\n  two\n|",
        ),
    ]);
    raises(&[(
        "'1' + 2",
        "TypeError: no implicit conversion of Integer into String",
    )]);
}

#[test]
fn splitting() {
    values(&[
        ("'a,b,,c,,'.split(',')", "[\"a\", \"b\", \"\", \"c\"]"),
        ("' a b  c '.split", "[\"a\", \"b\", \"c\"]"),
        ("'abc'.split('')", "[\"a\", \"b\", \"c\"]"),
        ("'a1b2'.split(/\\d/)", "[\"a\", \"b\"]"),
        ("'a,b,c'.split(',', 2)", "[\"a\", \"b,c\"]"),
        ("''.split(',')", "[]"),
        (
            "'x=1;y=2'.split(';').map { |pair| pair.split('=') }.to_h",
            "{\"x\"=>\"1\", \"y\"=>\"2\"}",
        ),
    ]);
}

#[test]
fn regular_expressions() {
    values(&[
        (
            "['abc' =~ /c/, 'abc' =~ /d/, 'abc' !~ /d/]",
            "[2, nil, true]",
        ),
        ("'linux-gnu'[/\\w+$/]", "gnu"),
        ("'v1.2.3'.match(/v(\\d+)\\.(\\d+)/)[2]", "2"),
        ("'v1.2'.match(/(?<major>\\d+)/)[:major]", "1"),
        ("'a.b.c'.gsub('.', '-')", "a-b-c"),
        ("'a.b'.sub(/\\./) { |dot| \"<#{dot}>\" }", "a<.>b"),
        (
            "'john smith'.gsub(/(\\w+) (\\w+)/, '\\2 \\1')",
            "smith john",
        ),
        ("'cat'.gsub(/[aeiou]/, 'a' => '4')", "c4t"),
        (
            "'CamelCase'.gsub(/([A-Z])/) { \"_#{$1.downcase}\" }",
            "_camel_case",
        ),
        (
            "'a1b2'.scan(/([a-z])(\\d)/)",
            "[[\"a\", \"1\"], [\"b\", \"2\"]]",
        ),
        ("\"a\\nb\" =~ /^b$/", "2"),
        ("\"a\\nb\" =~ /a.b/m ? 1 : 2", "1"),
        ("'ABC' =~ /b/i", "1"),
        ("'abc'.gsub(/x*/, '-')", "-a-b-c-"),
        (
            "case 'x12' when /y/ then 1 when /x(\\d+)/ then $1 end",
            "12",
        ),
    ]);
}

#[test]
fn formats() {
    values(&[
        ("'%s-%03d' % ['a', 7]", "a-007"),
        (
            "'%05.1f|%-5s|%+d|%x|%08b' % [3.14159, 'ab', 5, 255, 37]",
            "003.1|ab   |+5|ff|00100101",
        ),
        (
            "format('%<a>s %{b} %d%%', a: 1, b: 2) rescue format('%<a>s %{b}', a: 1, b: 2)",
            "1 2",
        ),
        ("sprintf('%.3d %c %p', 3, 65, nil)", "003 A nil"),
    ]);
    raises(&[
        ("'%s %s' % ['a']", "ArgumentError: too few arguments"),
        (
            "'%d' % 'x'",
            "ArgumentError: invalid value for Integer(): \"x\"",
        ),
    ]);
}

#[test]
fn numbers() {
    values(&[
        (
            "[7 / 2, -7 / 2, 7 % 3, -7 % 3, 2 ** 10, -2 ** 2, -2.abs]",
            "[3, -4, 1, 2, 1024, -4, 2]",
        ),
        (
            "[7.0 / 2, 1 / 3.0, 10.fdiv(4), 4 ** 0.5]",
            "[3.5, 0.3333333333333333, 2.5, 2.0]",
        ),
        (
            "[1e20, 1e15, 0.0001, 0.00001, 100.0, 1.23e-10]",
            "[1.0e+20, 1.0e+15, 0.0001, 1.0e-05, 100.0, 1.23e-10]",
        ),
        (
            "[3.7.round, 3.14159.round(2), 3.7.floor, 3.2.ceil, 10.5.to_i]",
            "[4, 3.14, 3, 4, 10]",
        ),
        ("[1_000, 0b11, 0o17, 017, 0xff]", "[1000, 3, 15, 15, 255]"),
        (
            "[5.between?(1, 10), 5.clamp(1, 3), 1 <=> 2, 5.even?, 255.to_s(16)]",
            "[true, 3, -1, false, \"ff\"]",
        ),
        (
            "[Integer('0x1F'), Float('1.5'), 10.divmod(3)]",
            "[31, 1.5, [3, 1]]",
        ),
        (
            "[1 == 1.0, 1.eql?(1.0), 'a' == :a, nil == false]",
            "[true, false, false, false]",
        ),
    ]);
    raises(&[
        ("1 / 0", "ZeroDivisionError: divided by 0"),
        ("1 + nil", "TypeError: nil can't be coerced into Integer"),
        ("1 + '2'", "TypeError: String can't be coerced into Integer"),
        (
            "1 < 'a'",
            "ArgumentError: comparison of Integer with String failed",
        ),
        (
            "Integer('4x')",
            "ArgumentError: invalid value for Integer(): \"4x\"",
        ),
    ]);
}

#[test]
fn lists() {
    values(&[
        (
            "[1, nil, 'a', :b, 1.5, {a: 1, 'b' => nil}]",
            "[1, nil, \"a\", :b, 1.5, {:a=>1, \"b\"=>nil}]",
        ),
        (
            "[1,2,3].map { |x| x * 2 } + [1,2,3].select(&:even?) + [1,2,3].reject { |x| x > 1 }",
            "[2, 4, 6, 2, 1]",
        ),
        (
            "[[1,2,3].inject(:+), [1,2].reduce(10) { |a, b| a + b }, [1,2,3].sum, [3,1,2].max]",
            "[6, 13, 6, 3]",
        ),
        (
            "[3,1,2].sort + [3,1,2].sort { |a, b| b <=> a } + %w[bb a].sort_by(&:length)",
            "[1, 2, 3, 3, 2, 1, \"a\", \"bb\"]",
        ),
        (
            "[1,2,3].first(2) + [[1,2,3].last, [].first, [1,2,3][-1], [1,2,3][5]]",
            "[1, 2, 3, nil, 3, nil]",
        ),
        (
            "[1,[2,[3]]].flatten + [1,1,2].uniq + [1,nil].compact",
            "[1, 2, 3, 1, 2, 1]",
        ),
        (
            "[[1,2] & [2], [1,2] | [3], [1,2] - [2], [0] * 2]",
            "[[2], [1, 2, 3], [1], [0, 0]]",
        ),
        ("%w[a b].join(', ') + [1, [2, 3]].join('-')", "a, b1-2-3"),
        (
            "[[].empty?, [nil].any?, [1].include?(1), [1,2,2].count(2)]",
            "[true, false, true, 2]",
        ),
        ("[1,2].product([3,4]).map { |a, b| a * b }", "[3, 4, 6, 8]"),
        (
            "[1,2].zip([3,4]) + [1,2,3].each_slice(2).to_a",
            "[[1, 3], [2, 4], [1, 2], [3]]",
        ),
        ("[1,2,3].partition { |x| x > 1 }", "[[2, 3], [1]]"),
        (
            "%w[a b a].group_by { |x| x }.keys + %w[a b a].tally.values",
            "[\"a\", \"b\", 2, 1]",
        ),
        (
            "[[1, [2, 3]]].map { |a, (b, c)| a + b + c } + [[1, 2, 3]].map { |a, *b| b }",
            "[6, [2, 3]]",
        ),
        (
            "%w[a b].map.with_index(1) { |x, i| \"#{x}#{i}\" }",
            "[\"a1\", \"b2\"]",
        ),
        (
            "%w[a b].each_with_index.map { |x, i| x * i } + %w[a b].each_with_index.select { |x, i| i > 0 }",
            "[\"\", \"b\", [\"b\", 1]]",
        ),
        (
            "[1,2].each_with_object([]) { |x, all| all << x * 2 }",
            "[2, 4]",
        ),
        ("[*1..3, *[4], *nil]", "[1, 2, 3, 4]"),
    ]);
    check(&[(
        "<% x = [1,2]; x.push(3).unshift(0); x << 4; x.delete(2); x.concat([9]); x[7] = 8 %><%= x %><%= x.pop %>",
        "[0, 1, 3, 4, 9, nil, nil, 8]8",
    )]);
    raises(&[
        (
            "[1].fetch(10)",
            "IndexError: index 10 outside of array bounds: -1...1",
        ),
        (
            "[1, 'a'].sort",
            "ArgumentError: comparison of Integer with String failed",
        ),
    ]);
}

#[test]
fn maps() {
    values(&[
        ("{a: 1, \"b\": 2, 'c' => [1]}", "{:a=>1, :b=>2, \"c\"=>[1]}"),
        (
            "[{name: 'x'}[:name], {a: 1}[:b], {a: {b: 1}}.dig(:a, :b), {a: 1}.fetch(:b, 2)]",
            "[\"x\", nil, 1, 2]",
        ),
        (
            "{a: 1, b: 2}.map { |k, v| \"#{k}#{v}\" }",
            "[\"a1\", \"b2\"]",
        ),
        (
            "{a: 1, b: 2}.select { |k, v| v > 1 }.merge(c: 3)",
            "{:b=>2, :c=>3}",
        ),
        (
            "{b: 1, a: 2}.sort.to_h.keys + {a: 1}.to_a.flatten",
            "[:a, :b, :a, 1]",
        ),
        (
            "{a: 1}.each_with_index.map { |(k, v), i| [k, v, i] }",
            "[[:a, 1, 0]]",
        ),
        ("{a: 1}.reduce(0) { |sum, (k, v)| sum + v }", "1"),
        (
            "{a: 1}.merge({a: 2}) { |key, old, new| old + new }",
            "{:a=>3}",
        ),
    ]);
    check(&[
        (
            "<% {a: 1, b: 2}.each do |k, v| %><%= k %>=<%= v %>;<% end %>",
            "a=1;b=2;",
        ),
        (
            "<% h = {}; h['a'] = 1; h[:b] ||= []; h[:b] << 2; h['a'] += 4 %><%= h %>",
            "{\"a\"=>5, :b=>[2]}",
        ),
    ]);
    raises(&[("{a: 1}.fetch(:b)", "KeyError: key not found: :b")]);
}

#[test]
fn ranges() {
    values(&[
        (
            "(1..3).map { |i| i } + (1...3).to_a + (1..10).step(4).to_a",
            "[1, 2, 3, 1, 2, 1, 5, 9]",
        ),
        (
            "('a'..'e').to_a.join + ('y'..'ab').to_a.inspect",
            "abcde[\"y\", \"z\", \"aa\", \"ab\"]",
        ),
        (
            "[(1..3).include?(2), (1..3) === 9, (1..3).sum]",
            "[true, false, 6]",
        ),
        ("(1..5).collect { |n| ENV[\"G_#{n}\"] }.compact", "[]"),
        (
            "(1..3).reverse_each.to_a + 3.times.to_a + 1.step(10, 4).to_a",
            "[3, 2, 1, 0, 1, 2, 1, 5, 9]",
        ),
        ("(1..)", "1.."),
    ]);
}
