//! Files that use each other in a circle.

use std::collections::{BTreeMap, BTreeSet, HashSet, VecDeque};

use crate::boundaries::imports::Import;

/// What each file uses, and where it does so first.
type Arrows<'a> = BTreeMap<&'a str, BTreeMap<&'a str, &'a Import>>;

/// A shortest circle through each file that is in any, said in words; each circle once.
pub fn all<'a>(imports: impl IntoIterator<Item = &'a Import>) -> Vec<String> {
    let mut arrows = Arrows::new();
    for import in imports {
        arrows.entry(&import.from).or_default().entry(&import.to).or_insert(import);
    }
    let mut seen = HashSet::new();
    let mut circles = Vec::new();
    for start in arrows.keys() {
        let Some(circle) = way_back(&arrows, start) else { continue };
        let files: BTreeSet<&str> = circle.iter().map(|import| import.from.as_str()).collect();
        if seen.insert(files) {
            let steps: Vec<_> =
                circle.iter().map(|step| format!("{}:{} uses {}", step.from, step.line, step.what)).collect();
            circles.push(format!("a circle: {}", steps.join(", ")));
        }
    }
    circles
}

/// The shortest way from a file to itself.
fn way_back<'a>(arrows: &Arrows<'a>, start: &'a str) -> Option<Vec<&'a Import>> {
    let mut came_by: BTreeMap<&str, &Import> = BTreeMap::new();
    let mut waiting = VecDeque::from([start]);
    while let Some(file) = waiting.pop_front().filter(|_| !came_by.contains_key(start)) {
        for (to, import) in arrows.get(file).into_iter().flatten() {
            if !came_by.contains_key(to) {
                came_by.insert(to, import);
                waiting.push_back(to);
            }
        }
    }
    let mut way = vec![*came_by.get(start)?];
    while way[way.len() - 1].from != start {
        way.push(came_by.get(way[way.len() - 1].from.as_str())?);
    }
    way.reverse();
    Some(way)
}
