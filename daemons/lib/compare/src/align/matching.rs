//! Largest matching of a bipartite graph, by Hopcroft and Karp: O(edges · √vertices), without recursion.

/// Edges by left vertex, of which there are as many as lists were added.
#[derive(Debug, Default)]
pub(super) struct Graph {
    /// Where the edges of each left vertex end.
    ends: Vec<usize>,
    edges: Vec<u32>,
}

impl Graph {
    /// Adds an edge of the left vertex that is being added.
    pub(super) fn edge(&mut self, right: u32) {
        self.edges.push(right);
    }

    /// No more edges of this left vertex.
    pub(super) fn end_vertex(&mut self) {
        self.ends.push(self.edges.len());
    }

    pub(super) const fn edges(&self) -> usize {
        self.edges.len()
    }

    fn begin(&self, left: usize) -> usize {
        left.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or(0)
    }

    fn of(&self, left: usize) -> &[u32] {
        let end = self.ends.get(left).copied().unwrap_or(0);
        self.edges.get(self.begin(left)..end).unwrap_or_default()
    }

    /// For each left vertex its partner, if it has one in a matching that is as large as can be.
    pub(super) fn matching(&self, rights: usize) -> Vec<Option<u32>> {
        let mut state = State {
            graph: self,
            left: vec![None; self.ends.len()],
            right: vec![None; rights],
            depth: vec![FAR; self.ends.len()],
        };
        state.greedy();
        while state.layers() {
            // The next edge to try, by left vertex: each is tried once per phase.
            let mut next = vec![0; self.ends.len()];
            for start in 0..self.ends.len() {
                if state.left.get(start).is_some_and(Option::is_none) {
                    state.augment(start, &mut next);
                }
            }
        }
        state.left
    }
}

const FAR: u32 = u32::MAX;

struct State<'g> {
    graph: &'g Graph,
    left: Vec<Option<u32>>,
    right: Vec<Option<u32>>,
    /// Steps from a free left vertex.
    depth: Vec<u32>,
}

impl State<'_> {
    fn greedy(&mut self) {
        for left in 0..self.left.len() {
            let free = |right: &&u32| self.right.get(**right as usize).is_some_and(Option::is_none);
            if let Some(right) = self.graph.of(left).iter().find(free) {
                self.pair(left, *right);
            }
        }
    }

    fn pair(&mut self, left: usize, right: u32) {
        if let Some(place) = self.left.get_mut(left) {
            *place = Some(right);
        }
        if let Some(place) = self.right.get_mut(right as usize) {
            *place = Some(left as u32);
        }
    }

    fn partner(&self, right: u32) -> Option<u32> {
        self.right.get(right as usize).copied().flatten()
    }

    /// Distances from the free left vertices; whether a free right vertex can be reached.
    fn layers(&mut self) -> bool {
        let mut queue: Vec<u32> = Vec::new();
        for (vertex, partner) in self.left.iter().enumerate() {
            if let Some(depth) = self.depth.get_mut(vertex) {
                *depth = if partner.is_none() { 0 } else { FAR };
            }
            if partner.is_none() {
                queue.push(vertex as u32);
            }
        }
        let (mut at, mut found) = (0, false);
        while let Some(&vertex) = queue.get(at) {
            at += 1;
            let depth = self.depth.get(vertex as usize).copied().unwrap_or(FAR);
            for &right in self.graph.of(vertex as usize) {
                let Some(next) = self.partner(right) else {
                    found = true;
                    continue;
                };
                if let Some(known) = self.depth.get_mut(next as usize)
                    && *known == FAR
                {
                    *known = depth.saturating_add(1);
                    queue.push(next);
                }
            }
        }
        found
    }

    /// Looks for a path from a free left vertex to a free right one, along the layers, and turns it around.
    fn augment(&mut self, start: usize, next: &mut [usize]) {
        // Left vertices on the way, with the edge that was taken from each.
        let mut path: Vec<(usize, u32)> = Vec::new();
        let mut vertex = start;
        loop {
            let tried = next.get(vertex).copied().unwrap_or(usize::MAX);
            match self.graph.of(vertex).get(tried).copied() {
                Some(right) => {
                    if let Some(tried) = next.get_mut(vertex) {
                        *tried += 1;
                    }
                    let Some(onward) = self.partner(right) else {
                        self.pair(vertex, right);
                        for (left, right) in path {
                            self.pair(left, right);
                        }
                        return;
                    };
                    let depth = |vertex: usize| self.depth.get(vertex).copied().unwrap_or(FAR);
                    if depth(onward as usize) == depth(vertex).saturating_add(1) {
                        path.push((vertex, right));
                        vertex = onward as usize;
                    }
                }
                None => match path.pop() {
                    Some((before, _)) => vertex = before,
                    None => return,
                },
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn graph(edges: &[Vec<u32>]) -> Graph {
        let mut graph = Graph::default();
        for list in edges {
            list.iter().for_each(|right| graph.edge(*right));
            graph.end_vertex();
        }
        graph
    }

    #[test]
    fn a_greedy_choice_is_mended() {
        let matching = graph(&[vec![0, 1], vec![0]]).matching(2);
        assert_eq!(matching, [Some(1), Some(0)]);
        // A chain in which every one must move.
        let chain: Vec<Vec<u32>> =
            (0..1000).map(|i| if i == 999 { vec![0] } else { vec![i, i + 1] }).collect();
        assert!(graph(&chain).matching(1000).iter().all(Option::is_some));
    }

    /// By trying everything.
    fn largest(edges: &[Vec<u32>], used: u32) -> usize {
        let Some((first, rest)) = edges.split_first() else { return 0 };
        let with = first.iter().filter(|right| used & (1 << **right) == 0);
        let best = with.map(|right| 1 + largest(rest, used | (1 << right))).max().unwrap_or(0);
        best.max(largest(rest, used))
    }

    proptest! {
        #[test]
        fn as_large_as_can_be(edges in proptest::collection::vec(proptest::collection::vec(0..6_u32, 0..5), 0..7)) {
            let matching = graph(&edges).matching(6);
            let mut taken: Vec<u32> = matching.iter().flatten().copied().collect();
            prop_assert_eq!(taken.len(), largest(&edges, 0));
            for (list, partner) in edges.iter().zip(&matching) {
                prop_assert!(partner.is_none_or(|partner| list.contains(&partner)));
            }
            taken.sort_unstable();
            taken.dedup();
            prop_assert_eq!(taken.len(), matching.iter().flatten().count());
        }
    }
}
