//! Conditions, loops, variables, blocks and errors.

use super::{check, raises, values};

#[test]
fn conditions() {
    check(&[
        (
            "<% if ENV['A'] and ENV['NONE'] %>x<% elsif ENV['A'] == 'aa' %>y<% else %>z<% end %>",
            "y",
        ),
        (
            "<% unless ENV['NONE'] %>none<% else %>some<% end %>",
            "none",
        ),
        (
            "<% case 1\n   when 1 %>one<% when 2 %>two<% else %>other<% end %>",
            "one",
        ),
        ("<% if x = ENV['A'] %><%= x %><% end %>", "aa"),
    ]);
    values(&[
        ("1 < 2 && 2 >= 2 ? 'y' : 'n'", "y"),
        ("if ENV['NONE'] then 'p' else 'q' end", "q"),
        ("nil || false || 'c'", "c"),
        ("(true and nil).inspect", "nil"),
        ("[!true, not(true), (not false)]", "[false, false, true]"),
        (
            "case ENV['A'] when 'b', 'aa' then 'hit' else 'miss' end",
            "hit",
        ),
        (
            "case 5 when 1..3 then 'low' when 4..6 then 'mid' end",
            "mid",
        ),
        (
            "case 'x' when Integer then 'i' when String then 's' end",
            "s",
        ),
        ("ENV['A'] ||\n    'b'", "aa"),
        ("[1,2,3].include? 2", "true"),
    ]);
}

#[test]
fn loops() {
    check(&[
        (
            "<% %w[a b].each_with_index do |x, i| %><%= i %>:<%= x %> <% end %>",
            "0:a 1:b ",
        ),
        (
            "<% 3.times do |i| %><%= i %><% end %><% 1.upto(3) { |i| %><%= i %><% } %>",
            "012123",
        ),
        (
            "<% i = 0; while i < 3 do %><%= i %><% i += 1; end %><% until i == 0 %><% i -= 1 %>.<% end %>",
            "012...",
        ),
        ("<% for x in [1, 2] do %><%= x %><% end %><%= x %>", "122"),
        (
            "<% [1,2,3,4].each do |x| next if x == 2; break if x == 4 %><%= x %><% end %>",
            "13",
        ),
        ("<% loop { break } %>x", "x"),
    ]);
    values(&[
        ("[1,2,3].each { |x| break x * 10 if x == 2 }", "20"),
        ("loop do break 7 end", "7"),
        ("%w[a b]\n  .map { |x| x.upcase }\n  .join('-')", "A-B"),
    ]);
}

#[test]
fn variables() {
    check(&[
        (
            "<% x = 5; x += 1; x ||= 9; y ||= x * 2 %><%= x %>,<%= y %>",
            "6,12",
        ),
        (
            "<% a, b = 1, 2; a, b = b, a %><%= a %><%= b %><% c, d = 'x y'.split %><%= c %>/<%= d %>",
            "21x/y",
        ),
        ("<% @v = 3 %><%= @v %><%= @w.inspect %>", "3nil"),
        ("<% NAMES = %w[x y].freeze %><%= NAMES.join('+') %>", "x+y"),
        ("<% x = 1 if false %><%= x.inspect %>", "nil"),
        (
            "<% y = 0; [1].each do |x| %><% y = x %><% end %><%= y %>",
            "1",
        ),
        ("<% x = 1; [2].each { |x| } %><%= x %>", "1"),
    ]);
    values(&[
        ("defined?(foo).inspect", "nil"),
        (
            "[defined?(puts), defined?(String), defined?(@x)]",
            "[\"method\", \"constant\", nil]",
        ),
    ]);
    raises(&[
        (
            "foo",
            "NameError: undefined local variable or method `foo' for main:Object",
        ),
        (
            "foo(1)",
            "NoMethodError: undefined method `foo' for main:Object",
        ),
        (
            "nil.foo",
            "NoMethodError: undefined method `foo' for nil:NilClass",
        ),
    ]);
}

#[test]
fn functions() {
    check(&[
        (
            "<% square = ->(x) { x * x } %><%= square.call(3) %><%= square.(4) %><%= square[5] %>",
            "91625",
        ),
        (
            "<% add = lambda { |a, b = 2| a + b } %><%= add.call(1) %><%= add.call(1, 5) %>",
            "36",
        ),
    ]);
    raises(&[(
        "->(x) { x }.call",
        "ArgumentError: wrong number of arguments (given 0, expected 1)",
    )]);
}

#[test]
fn errors() {
    values(&[
        (
            "begin; Integer('x'); rescue ArgumentError => e; \"bad: #{e.message}\"; end",
            "bad: invalid value for Integer(): \"x\"",
        ),
        (
            "begin; raise 'oops'; rescue; 'saved'; ensure; 1; end",
            "saved",
        ),
        (
            "begin; raise KeyError, 'k'; rescue IndexError => e; e.class; end",
            "KeyError",
        ),
        ("Integer('x') rescue 'r'", "r"),
    ]);
    check(&[(
        "<% begin %>a<% raise 'b' %>c<% rescue => e %>[<%= e.message %>]<% end %>",
        "a[b]",
    )]);
    raises(&[
        ("raise 'my message'", "RuntimeError: my message"),
        ("raise ArgumentError", "ArgumentError: ArgumentError"),
        ("raise ArgumentError, 'bad'", "ArgumentError: bad"),
        (
            "begin; raise NotImplementedError, 'x'; rescue; 1; end",
            "NotImplementedError: x",
        ),
    ]);
}
